/** The first code of the one executable: runs the program that the file carries. */
import { compiledFor, compiledProgram, runProgram } from "#cli/appended-program.ts";

runProgram(compiledProgram("main.cjs", compiledFor(process.argv[2])), require);
