// The `aio` command as it is installed: spawned, with its exit codes and what it leaves behind.
import assert from 'node:assert/strict';
import type { ChildProcess, SpawnSyncReturns } from 'node:child_process';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

const packageJson = createRequire(import.meta.url).resolve('linux-aio/package.json');
const script = join(dirname(packageJson), 'dist', 'cli', 'aio.js');
const directory = mkdtempSync(join(tmpdir(), 'aio-cli-'));
after(() => rmSync(directory, { recursive: true }));

/** Few and short: these tests are about behaviour, never about figures. */
const QUICK = ['--size', '1m', '--iodepth', '4', '--runtime', '30ms'];
/** Temporary files land where the tests can see them. */
const env: NodeJS.ProcessEnv = { ...process.env, TMPDIR: directory, LINUX_AIO_ENGINE: '' };

const aio = (...args: string[]): SpawnSyncReturns<string> =>
  spawnSync(process.execPath, [script, ...args], { encoding: 'utf8', env });
const bench = (...args: string[]) => aio('bench', ...QUICK, ...args);

const left = () => readdirSync(directory).filter((name) => name.startsWith('aio-bench-'));

describe('aio, wrongly used', () => {
  const usage = (message: RegExp, ...args: string[]) => {
    const { status, stdout, stderr } = aio(...args);
    assert.equal(status, 2, stderr);
    assert.equal(stdout, '');
    assert.match(stderr, message);
    assert.doesNotMatch(stderr, /\n {4}at /, 'no stack');
  };

  it('exits with 2 for an unknown command, with a suggestion', () => {
    usage(/aio: unknown command 'docter' \(did you mean doctor\?\)\nTry: aio --help/, 'docter');
    usage(/unknown command 'frobnicate'\n/, 'frobnicate');
    usage(/unknown option '--verbose'/, '--verbose');
    usage(/unknown command 'bnech' \(did you mean bench\?\)/, 'help', 'bnech');
  });

  it('exits with 2 for an unknown option, with a suggestion', () => {
    usage(
      /aio bench: unknown option '--iodeph' \(did you mean --iodepth\?\)\nTry: aio bench --help/,
      'bench',
      '--iodeph=1',
    );
    usage(/aio doctor: unknown option '--jsn' \(did you mean --json\?\)/, 'doctor', '--jsn');
  });

  it('exits with 2 for values that cannot be carried out', () => {
    usage(/--bs: '1000' is not a multiple of 512/, 'bench', '--bs', '1000');
  });

  it('exits with 2 for a misspelt word of a command, or one too many', () => {
    usage(/unknown command 'bench compre' \(did you mean bench compare\?\)/, 'bench', 'compre', 'a', 'b');
    usage(/unknown command 'compare' \(did you mean bench compare\?\)/, 'compare', 'a', 'b');
    usage(/unknown option '--versio' \(did you mean --version\?\)/, '--versio');
    usage(/unexpected argument 'x'/, 'help', 'doctor', 'x');
    usage(/aio bench: unexpected argument 'b'/, 'bench', 'a', 'b');
    usage(/aio bench compare: needs 2 files: A\.json B\.json/, 'bench', 'compare', 'a');
  });

  it('exits with 2 when a report cannot be written, before anything is measured', () => {
    const nowhere = join(directory, 'no', 'page.html');
    usage(/aio bench: --html: .*page\.html cannot be written: ENOENT/, 'bench', '--html', nowhere);
    usage(/aio bench: --output: .* is a directory/, 'bench', '--output', directory);
    usage(/--html: .* is a directory/, 'bench', 'compare', 'a', 'b', '--html', directory);
    assert.deepEqual(left(), []);
  });

  it("exits with 2 when it would overwrite somebody else's data", () => {
    const filename = join(directory, 'precious');
    writeFileSync(filename, 'x'.repeat(1024 * 1024));
    usage(
      /holds data that aio bench did not write/,
      'bench',
      ...QUICK,
      '--rw',
      'randwrite',
      '--filename',
      filename,
    );
    assert.equal(readFileSync(filename, 'utf8'), 'x'.repeat(1024 * 1024));
  });
});

describe('aio help', () => {
  it('lists the commands, with and without the word', () => {
    for (const args of [[], ['help'], ['--help'], ['-h']]) {
      const { status, stdout } = aio(...args);
      assert.equal(status, 0);
      assert.match(stdout, /doctor .*\n.*models .*\n.*bench .*\n.*bench compare .*\n.*help /);
    }
  });

  it('explains each command with options, examples and exit codes, in 80 columns', () => {
    for (const command of ['doctor', 'models', 'bench', 'bench compare']) {
      const words = command.split(' ');
      const { status, stdout } = aio(...words, '--help');
      assert.equal(status, 0);
      assert.match(stdout, /Options:\n.*Examples:\n.*Exit codes:\n/s);
      assert.equal(aio('help', ...words).stdout, stdout);
      for (const line of stdout.split('\n')) assert.ok([...line].length <= 80, line);
    }
  });

  it('prints the version', () => {
    const { version } = JSON.parse(readFileSync(packageJson, 'utf8'));
    assert.equal(aio('--version').stdout, `${version}\n`);
  });
});

describe('aio doctor', () => {
  it('prints a report without colour in a pipe', () => {
    const { status, stdout } = aio('doctor');
    const { engines } = JSON.parse(aio('doctor', '--json').stdout);
    const works = Object.values<{ available: boolean }>(engines).some((engine) => engine.available);
    assert.equal(status, works ? 0 : 1);
    assert.match(stdout, /Engines\n.*Limits\n.*Advice\n/s);
    assert.ok(!stdout.includes('\u001b'));
  });

  it('prints JSON', () => {
    const report = JSON.parse(aio('doctor', '--json').stdout);
    assert.deepEqual(Object.keys(report.engines), ['io_uring', 'native', 'threads']);
    assert.ok(Array.isArray(report.advice));
  });

  it('says that a forced engine does not exist', () => {
    const { stdout } = spawnSync(process.execPath, [script, 'doctor'], {
      encoding: 'utf8',
      env: { ...env, LINUX_AIO_ENGINE: 'iouring' },
    });
    assert.match(stdout, /LINUX_AIO_ENGINE is 'iouring', which is none of/);
  });

  it('exits with 1 and one line when its output cannot be written', (t) => {
    if (!existsSync('/dev/full')) {
      t.skip('no /dev/full here');
      return;
    }
    const { status, stderr } = spawnSync(
      'sh',
      ['-c', '"$0" "$1" doctor > /dev/full', process.execPath, script],
      {
        encoding: 'utf8',
        env,
      },
    );
    assert.equal(status, 1);
    assert.match(stderr, /^aio: the output cannot be written: ENOSPC.*\n$/);
  });

  it('is silent when the reader of its output goes away, and keeps its exit code', () => {
    const { status } = aio('doctor');
    const pipe = '{ "$0" "$1" doctor; echo "exit $?" >&2; } | true';
    const { stderr } = spawnSync('sh', ['-c', pipe, process.execPath, script], { encoding: 'utf8', env });
    assert.equal(stderr, `exit ${status}\n`);
  });
});

describe('aio bench', () => {
  it('exits with 1 when a block is not what was written, naming its offset', () => {
    const filename = join(directory, 'damaged');
    assert.equal(bench('--ioengine', 'node', '--filename', filename).status, 0);
    const bytes = readFileSync(filename);
    bytes[40 * 4096 + 1000] ^= 1;
    writeFileSync(filename, bytes);
    const { status, stdout, stderr } = bench('--ioengine', 'node', '--filename', filename);
    assert.equal(status, 1);
    assert.equal(stdout, '');
    assert.match(stderr, /1 block is not what was written\n {2}at offset 163840: the block has checksum/);
  });

  it('exits with 1 when a file cannot be opened', () => {
    const { status, stderr } = bench(
      '--ioengine',
      'node',
      '--filename',
      join(directory, 'no', 'such', 'file'),
    );
    assert.equal(status, 1);
    assert.match(stderr, /^aio bench: ENOENT/);
  });

  it('exits with 1 when an engine is not available, and measures the others', () => {
    const disabled = { ...env, LINUX_AIO_ADDON: join(directory, 'no-addon.node') };
    const args = ['bench', ...QUICK, '--ioengine', 'io_uring,node'];
    const { status, stdout } = spawnSync(process.execPath, [script, ...args], {
      encoding: 'utf8',
      env: disabled,
    });
    assert.equal(status, 1);
    assert.match(stdout, / node +[\d.]+[kM]? /);
    assert.match(stdout, /io_uring was not measured: /);
  });

  it('prints a table at 80 columns, without colour and without progress in a pipe', () => {
    const { status, stdout, stderr } = bench('--ioengine', 'node');
    assert.equal(status, 0, stderr);
    assert.equal(stderr, '');
    assert.ok(!stdout.includes('\u001b'));
    for (const line of stdout.split('\n')) assert.ok([...line].length <= 80, line);
    assert.match(stdout, /depth +engine +IOPS/);
    assert.match(stdout, /Every block read was what had been written: \d+ blocks checked/);
    assert.deepEqual(left(), []);
  });

  it("writes fio's JSON to a file", () => {
    const output = join(directory, 'result.json');
    const { status, stdout } = bench(
      '--ioengine',
      'node',
      '--iodepth',
      '1,4',
      '--output-format',
      'json',
      '--output',
      output,
    );
    assert.equal(status, 2, '--iodepth is given twice');
    assert.equal(stdout, '');
    const again = aio(
      'bench',
      '--size=1m',
      '--iodepth=1,4',
      '--runtime=0.1',
      '--ioengine=node',
      '--output-format=json',
      `--output=${output}`,
    );
    assert.equal(again.status, 0, again.stderr);
    assert.equal(again.stdout, '');
    const { jobs } = JSON.parse(readFileSync(output, 'utf8'));
    assert.deepEqual(
      jobs.map((job: { jobname: string }) => job.jobname),
      ['randread-node-1', 'randread-node-4'],
    );
  });

  for (const rw of ['read', 'write', 'randread', 'randwrite', 'rw', 'randrw']) {
    for (const direct of ['0', '1']) {
      it(`--rw ${rw} --direct ${direct} runs on both engines, and what was written can be read`, (t) => {
        const filename = join(directory, `all-${rw}-${direct}`);
        const args = ['--rw', rw, '--direct', direct, '--filename', filename];
        const { status, stderr, stdout } = bench(...args, '--ioengine', 'io_uring,node');
        if (stderr.includes('O_DIRECT') || /io_uring was not measured/.test(stdout)) {
          t.skip('no O_DIRECT, or no io_uring, here');
          return;
        }
        assert.equal(status, 0, stderr);
        assert.equal(bench('--ioengine', 'node', '--filename', filename).status, 0);
        rmSync(filename);
      });
    }
  }
});

describe('aio bench with a job file of fio', () => {
  it('measures its sections one after the other, and names what it does not apply', () => {
    const path = join(directory, 'two.fio');
    writeFileSync(
      path,
      `[global]\ndirectory=${directory}\nsize=1m\nruntime=90ms\nioengine=psync\nrw=randread\n` +
        '[small]\nbs=4k\niodepth=2\n[large]\nstonewall\nbs=16k\nnumjobs=3\n',
    );
    const { status, stdout, stderr } = aio('bench', path, '--output-format', 'json');
    assert.equal(status, 0, stderr);
    assert.match(stderr, /^not applied: \[large\] numjobs=3 \(line 13\): aio bench is one process/);
    const { jobs, not_applied, verify } = JSON.parse(stdout);
    assert.deepEqual(
      jobs.map((job: { jobname: string }) => job.jobname),
      ['small-node-2', 'large-node-1'],
    );
    assert.equal(jobs[1]['job options'].bs, '16384');
    assert.equal(not_applied.length, 1);
    assert.equal(verify.checked, true);
    assert.deepEqual(left(), []);
    const text = aio('bench', path, '--section', 'small').stdout;
    assert.match(text, /^small: randread, blocks of 4 KiB/);
    assert.doesNotMatch(text, /large/);
  });

  const example = join(dirname(packageJson), 'examples', 'bench.fio');

  it('runs the example', () => {
    const args = ['--ioengine', 'node', '--size', '1m', '--runtime', '90ms', '--directory', directory];
    const { status, stdout, stderr } = aio('bench', example, ...args);
    assert.equal(status, 0, stderr);
    assert.equal(stderr, '');
    assert.match(stdout, /^random-4k: randread, .*\nmixed-16k: randrw \(70 % reads\), /s);
  });

  it('has an example that fio reads too', (t) => {
    const { error, status, stderr } = spawnSync('fio', ['--parse-only', example], { encoding: 'utf8' });
    if (error !== undefined) {
      t.skip('no fio here');
      return;
    }
    assert.equal(status, 0, stderr);
  });

  it('exits with 2 for a file that is none', () => {
    const { status, stderr } = aio('bench', script);
    assert.equal(status, 2);
    assert.match(stderr, /aio\.js:\d+: .* stands before the first \[section\]\nTry: aio bench --help\n$/);
  });
});

describe('aio bench compare', () => {
  it('compares two reports of aio bench, as text, JSON and page', () => {
    const [a, b] = ['a', 'b'].map((name) => join(directory, `${name}.json`));
    const html = join(directory, 'bench.html');
    for (const output of [a, b]) {
      const args = ['--ioengine', 'node', '--output-format', 'json', '--output', output, '--html', html];
      assert.equal(bench(...args).status, 0);
    }
    assert.match(readFileSync(html, 'utf8'), /^<!doctype html>/);
    const page = join(directory, 'compare.html');
    const { status, stdout } = aio('bench', 'compare', a, b, '--html', page);
    assert.equal(status, 0);
    assert.match(stdout, /\n +4 +node +[\d.]+k? /);
    for (const line of stdout.split('\n').slice(2)) assert.ok([...line].length <= 80, line);
    assert.match(readFileSync(page, 'utf8'), /^<!doctype html>/);
    const { rows } = JSON.parse(aio('bench', 'compare', a, b, '--json').stdout);
    assert.equal(rows.length, 1);
    assert.equal(rows[0].ioengine, 'node');
  });

  it('exits with 1 and one line for files that cannot be compared', () => {
    const report = join(directory, 'a.json');
    const fails = (message: RegExp, ...files: string[]) => {
      const { status, stdout, stderr } = aio('bench', 'compare', ...files);
      assert.equal(status, 1);
      assert.equal(stdout, '');
      assert.match(stderr, message);
      assert.doesNotMatch(stderr, /\n {4}at /, 'no stack');
    };
    fails(/^aio bench compare: .*nowhere: ENOENT/, report, join(directory, 'nowhere'));
    fails(/package\.json is not a report of aio bench; make one with: aio bench/, report, packageJson);
  });
});

describe('aio bench, interrupted', () => {
  /** Starts a long run and waits until its temporary file is there. */
  async function startLong(): Promise<{ child: ChildProcess; stderr: () => string }> {
    const args = ['bench', '--size', '4m', '--iodepth', '4', '--runtime', '60', '--ioengine', 'node'];
    const child = spawn(process.execPath, [script, ...args], { env, stdio: ['ignore', 'ignore', 'pipe'] });
    let text = '';
    child.stderr!.setEncoding('utf8').on('data', (chunk) => {
      text += chunk;
    });
    for (let tries = 0; left().length === 0; tries++) {
      assert.ok(tries < 200 && child.exitCode === null, `no temporary file: ${text}`);
      await sleep(50);
    }
    await sleep(300);
    return { child, stderr: () => text };
  }

  for (const [signal, expected] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    it(`exits with ${expected} on ${signal}, and its temporary file is gone`, async () => {
      const { child, stderr } = await startLong();
      assert.equal(left().length, 1);
      child.kill(signal);
      const [code] = await once(child, 'close');
      assert.equal(code, expected, stderr());
      assert.equal(stderr(), '');
      assert.deepEqual(left(), []);
      assert.ok(existsSync(directory));
    });
  }
});
