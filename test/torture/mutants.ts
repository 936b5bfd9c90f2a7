// Tests of the tests: in a copy of the package one safeguard after the other is taken out (mutants-list.ts), and a test
// that is named there must fail. One that does not is a test that holds nothing.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot, runNode } from '../support/program.js';
import { type Check, MUTANTS, type Mutant } from './mutants-list.js';
import type { Counts, Part, Trial } from './part.js';

/** A mutant may well hang: that is caught, too. */
const HANG_MS = 60_000;
const COPIED = [
  'src',
  'native',
  'scripts',
  'build',
  'dist',
  'prebuilds',
  'package.json',
  'tsconfig.json',
  'docs',
  'test', // what tests compile and read there
];
/** Programs of 200 steps in 50 runs each; the survivors of so many are looked for by hand. */
const MODEL = ['run.js', '--seed', '1', '--rounds', '6', '--log', '/dev/null', 'model/ring'];

class Copy {
  readonly #root: string;
  /** checks that are known to pass while nothing is wrong */
  readonly #sound = new Set<Check>();

  constructor(directory: string) {
    chmodSync(directory, 0o755); // some tests become another user, who has to read it, or are skipped
    this.#root = join(directory, 'package');
    for (const name of COPIED) cpSync(join(packageRoot, name), join(this.#root, name), { recursive: true });
    symlinkSync(join(packageRoot, 'node_modules'), join(this.#root, 'node_modules'));
  }

  async isCaughtBy(check: Check, mutant: Mutant): Promise<boolean> {
    if (!this.#sound.has(check)) {
      assert.equal(await this.#fails(check), false, `${check} fails though nothing is wrong`);
      this.#sound.add(check);
    }
    const path = join(this.#root, mutant.file);
    const source = readFileSync(path, 'utf8');
    const parts = source.split(mutant.find);
    assert.equal(parts.length, 2, `${mutant.file} does not have once: ${mutant.find}`);
    try {
      writeFileSync(path, parts.join(mutant.replace));
      this.#build(mutant);
      return await this.#fails(check);
    } finally {
      writeFileSync(path, source);
      this.#build(mutant);
    }
  }

  #build({ file }: Mutant): void {
    // Types are not checked: TypeScript would warn of some, as that a comparison is always true.
    const script = file.startsWith('native/') ? 'build-native.mjs' : 'bundle.mjs';
    const command = [join('scripts', script)];
    const { status, stderr } = spawnSync(process.execPath, command, { cwd: this.#root, encoding: 'utf8' });
    assert.equal(status, 0, stderr);
  }

  async #fails(check: Check): Promise<boolean> {
    const [program, ...args] = check === 'model' ? [join('torture', MODEL[0]), ...MODEL.slice(1)] : [check];
    const path = join(this.#root, 'build', 'test', program);
    const { code } = await runNode([path, ...args], { timeoutMs: HANG_MS, cwd: this.#root });
    return code !== 0;
  }
}

const mutants: Part = {
  name: 'mutants/safeguards',
  promise: 'each safeguard of the ring and of its memory has a test that fails when it is taken out',
  rounds: { sample: 0, full: MUTANTS.length },
  engines: 'none',
  open({ directory, note }): Trial {
    const copy = new Copy(directory);
    return {
      async round(_random, seed): Promise<Counts> {
        const mutant = MUTANTS[seed % MUTANTS.length];
        note(mutant.wrong);
        for (const check of mutant.checks) {
          if (await copy.isCaughtBy(check, mutant)) {
            const byModel = check === 'model' ? 1 : 0;
            return { mutants: 1, caught: 1, 'caught by the model': byModel, 'known to survive': 0 };
          }
        }
        if (mutant.survives) return { mutants: 1, caught: 0, 'known to survive': 1 };
        throw new Error(`nothing fails when ${mutant.wrong}: ${mutant.checks.join(', ')}`);
      },
    };
  },
};

export const mutation: readonly Part[] = [mutants];
