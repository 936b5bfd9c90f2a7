#!/usr/bin/env node
// The `aio` command. This file only connects the process to main(); main.ts has the table of commands.
import { main } from './main.js';
import { watchOutput } from './terminal.js';

watchOutput(process.stdout);
watchOutput(process.stderr);
// exitCode and not exit(): what has been written to a pipe must still get out.
process.exitCode = await main(process.argv.slice(2), process);
