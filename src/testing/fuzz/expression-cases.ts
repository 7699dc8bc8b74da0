/** Damaged expressions of admission and validation: each compiles or says why not, and ends within its cost. */
import { dynamicValue } from "#api/cel/schema/values.ts";
import { CompileError } from "#api/cel/source.ts";
import { cel } from "#api/cel/testing/environment.ts";
import { CostLimitError } from "#api/cel/cost/budget.ts";
import { dynType } from "#api/cel/types.ts";
import type { Choice } from "./choice.ts";
import { mutateText, mutateValue } from "./mutations.ts";

const good = [
  "object.spec.replicas <= 5 && has(object.metadata.labels) ? 'a' : \"b\"",
  "object.spec.containers.all(c, c.image.startsWith('x/') || c.name.matches('^[a-z]+$'))",
  "object.items.map(i, i.x > 0, i.x * 2).sum() + size(object.m)",
  "['a', 'b'].exists_one(x, x == object.name) && 'a' in ['a']",
  "quantity('1Gi').isGreaterThan(quantity('500Mi')) && ip('10.0.0.1').family() == 4",
  "url('https://a:80/x?y=z').getHost() + cidr('10.0.0.0/8').ip().string()",
  "timestamp('2026-01-01T00:00:00Z') + duration('1h') > timestamp(object.t)",
  "object.?a.?b.orValue(3) + {'x': 1u}['x'] + [1, 2, 3][1 - 1]",
  "object.s.split(',').map(x, x.trim().upperAscii()).join('-').replace('A', 'b', 2)",
  "'%s %d %.3f'.format([object, 3, 1.5]) == b'\\xff' || -9223372036854775808 / -1 == 0",
  "[[1]].flatten().sort().distinct().slice(0, 1).lastIndexOf(1) + int('9223372036854775807') + 1",
  "cel.bind(x, object.a, x + x).findAll('(a+)+$', 3).size() * 1000000000000",
] as const;

export const expressionCase = (choice: Choice): string => {
  let text: string = choice.pick(good);
  for (let rest = choice.int(4); rest > 0; rest--) text = mutateText(text, choice);
  return choice.chance(0.2) ? `${text} && ${choice.pick(good)}` : text;
};

/** Throws what isn't an answer. */
export function runExpressionCase(source: string, choice: Choice): void {
  const object = mutateValue(
    {
      spec: { replicas: 3, containers: [{ name: "c", image: "x/y" }] },
      items: [{ x: 1 }],
      m: { a: 1 },
      name: "a",
      t: "x",
      s: "a,b",
      a: "aaaaaaaa",
    },
    choice,
  );
  try {
    const program = cel.environment({ variables: { object: dynType } }).compile(source);
    program.run(() => dynamicValue(object), 100_000);
  } catch (error) {
    if (!(error instanceof CompileError) && !(error instanceof CostLimitError)) throw error;
  }
}
