/** Texts that goyaml takes for times, and then for text again. upstream: go.yaml.in/yaml/v2 resolve.go (parseTimestamp) */

const timestamp =
  /^(\d{4})-(\d{1,2})-(\d{1,2})(?:(?:[Tt](\d{1,2}):(\d{1,2}):(\d{1,2})(?:[.,]\d+)?(?:Z|[-+]\d\d:\d\d))| (\d{1,2}):(\d{1,2}):(\d{1,2})(?:[.,]\d+)?)?$/;

function daysOf(month: number, year: number): number {
  if (month !== 2) return [4, 6, 9, 11].includes(month) ? 30 : 31;
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
}

export function isTimestamp(text: string): boolean {
  const [, ...parts]: readonly (string | undefined)[] = timestamp.exec(text) ?? [];
  if (parts.length === 0) return false;
  const [year = 0, month = 0, day = 0, ...time] = parts.filter((part) => part !== undefined).map(Number);
  const [hour = 0, minute = 0, second = 0] = time;
  const isDay = month >= 1 && month <= 12 && day >= 1 && day <= daysOf(month, year);
  return isDay && hour < 24 && minute < 60 && second < 60;
}
