// fio's job files: their syntax, what their options mean here, and what is refused.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { parseJobFile } from '#dist/cli/bench/job-file.js';
import { applyJobOptions } from '#dist/cli/bench/job-options.js';
import { plansFrom } from '#dist/cli/bench/jobs.js';
import { UsageError } from '#dist/cli/usage-error.js';

const directory = mkdtempSync(join(tmpdir(), 'aio-jobs-'));
after(() => rmSync(directory, { recursive: true }));

/** A variable as job files write it. */
const variable = (name: string) => `\${${name}}`;
const parse = (text: string, env: NodeJS.ProcessEnv = {}) => parseJobFile(text, 'j.fio', env);
/** The only section of `text`, in our options. */
const apply = (text: string) => applyJobOptions(parse(text)[0], 'j.fio');
const plans = (text: string, values: Record<string, string> = {}) => {
  const path = join(directory, 'job.fio');
  writeFileSync(path, text);
  return plansFrom(values, path, {});
};

const refused = (message: RegExp, call: () => unknown) => {
  assert.throws(call, (error) => {
    assert.ok(error instanceof UsageError, String(error));
    assert.match(error.message, message);
    return true;
  });
};

describe('parseJobFile', () => {
  it('throws for what is no job file, naming the line', () => {
    refused(/^j\.fio:2: 'bs=4k' stands before the first \[section\]$/, () =>
      parse('; a comment\nbs=4k\n[a]\n'),
    );
    refused(/^j\.fio:1: '\[a' is not a section; write \[name\]$/, () => parse('[a\n'));
    refused(/^j\.fio:1: '\[\]' is not a section/, () => parse('[]\n'));
    refused(/^j\.fio:2: '=4k' has no name before the =$/, () => parse('[a]\n=4k\n'));
    refused(/^j\.fio:2: bs needs a value$/, () => parse('[a]\nbs=\n'));
    refused(/^j\.fio is not a job file: it is not text$/, () => parse('AIOB\0\0\0'));
  });

  it('throws for a file without a job', () => {
    refused(/^j\.fio has no job: add a section \[name\]$/, () => parse(''));
    refused(/^j\.fio has no job, only \[global\]/, () => parse('[global]\nbs=4k\n'));
  });

  it('throws for include, and for a variable that is not set', () => {
    refused(/^j\.fio:2: include is not supported/, () => parse('[a]\ninclude other.fio\n'));
    refused(/^j\.fio:2: the environment variable SIZE is not set$/, () =>
      parse(`[a]\nsize=${variable('SIZE')}\n`),
    );
    refused(/variable SIZE is not set$/, () => parse(`[a]\nsize=${variable('SIZE')}\n`, { SIZE: '' }));
  });

  it('reads sections, comments, blanks, values and bare names', () => {
    const text =
      '\uFEFF; one\r\n# two\r\n [ a b ] \r\n\trw = randread ; three\r\nbs=4k#four\r\nstonewall\r\n';
    assert.deepEqual(parse(text), [
      {
        name: 'a b',
        line: 3,
        options: [
          { name: 'rw', value: 'randread', line: 4 },
          { name: 'bs', value: '4k', line: 5 },
          { name: 'stonewall', value: null, line: 6 },
        ],
      },
    ]);
  });

  it('gives every section the options of the [global] sections above it, and only of those', () => {
    const text = '[global]\nbs=4k\n[a]\n[global]\nbs=8k\n[b]\nsize=1m\n[global]\nbs=16k\n';
    assert.deepEqual(
      parse(text).map(({ name, options }) => [
        name,
        options.map((option) => `${option.name}=${option.value}`),
      ]),
      [
        ['a', ['bs=4k']],
        ['b', ['bs=4k', 'bs=8k', 'size=1m']],
      ],
    );
  });

  it('puts environment variables in', () => {
    const [{ options }] = parse(`[a]\nfilename=${variable('DIR')}/${variable('NAME')}\n`, {
      DIR: '/data',
      NAME: 'x',
    });
    assert.equal(options[0].value, '/data/x');
  });
});

describe('applyJobOptions', () => {
  it('throws for values that have no meaning here, naming line and option', () => {
    refused(/^j\.fio:2: direct: is 0 or 1, not 'yes'$/, () => apply('[a]\ndirect=yes\n'));
    refused(/^j\.fio:2: rwmixwrite: '101' is not/, () => apply('[a]\nrwmixwrite=101\n'));
    refused(/^j\.fio:2: filename: one file only/, () => apply('[a]\nfilename=a:b\n'));
    refused(/^j\.fio:2: bs needs a value$/, () => apply('[a]\nbs\n'));
  });

  it('throws for a misspelt option that would be missed', () => {
    refused(/^j\.fio:3: unknown option 'iodepht' \(did you mean iodepth\?\)$/, () =>
      apply('[a]\nbs=4k\niodepht=4\n'),
    );
  });

  it("applies what both know, under fio's names and aliases", () => {
    const { values, notApplied } = apply(
      '[a]\nreadwrite=randrw\nblocksize=8k\nsize=1g\niodepth=16\ntimeout=2m\nrwmixwrite=30\nbuffered=0\nfilename=x\\:y\nioengine=io_uring\n',
    );
    assert.deepEqual(values, {
      rw: 'randrw',
      bs: '8k',
      size: '1g',
      iodepth: '16',
      runtime: '2m',
      rwmixread: '70',
      direct: '1',
      filename: 'x:y',
      ioengine: 'io_uring',
    });
    assert.deepEqual(notApplied, []);
  });

  it("translates fio's engines", () => {
    const engine = (name: string) => apply(`[a]\nioengine=${name}\n`).values['ioengine'];
    assert.equal(engine('libaio'), 'native');
    assert.equal(engine('posixaio'), 'threads');
    assert.equal(engine('psync'), 'node');
    assert.equal(engine('threads'), 'threads');
  });

  it("takes fio's defaults where the job says nothing, and the place where fio would make its file", () => {
    assert.deepEqual(apply('[a]\n').values, { rw: 'read', iodepth: '1', directory: '.' });
  });

  it('puts directory before filename, as fio does', () => {
    const { values } = apply('[a]\nfilename=f\ndirectory=/d\n');
    assert.equal(values['filename'], '/d/f');
    assert.equal(values['directory'], undefined);
  });

  it('lets the later of two count: direct after buffered, a section after [global]', () => {
    assert.equal(apply('[global]\ndirect=1\n[a]\nbuffered=1\n').values['direct'], '0');
    assert.equal(apply('[global]\nbuffered=1\n[a]\ndirect\n').values['direct'], '1');
    assert.equal(apply('[global]\nbs=4k\n[a]\nbs=8k\n').values['bs'], '8k');
  });

  it('has nothing to say of options that ask for what happens anyway', () => {
    const text =
      'time_based\nnumjobs=1\ngroup_reporting=1\nthread\nstonewall\nnorandommap=0\noverwrite=1\ndescription=x\n';
    assert.deepEqual(apply(`[a]\n${text}`).notApplied, []);
    // fio's overwrite never allows us to overwrite a file that is not ours.
    assert.equal(apply(`[a]\n${text}`).values['overwrite'], undefined);
  });

  it('names what is not applied, with its line, and the reason where it has one', () => {
    assert.deepEqual(apply('[a]\nnumjobs=4\ncpus_allowed=0-3\ntime_based=0\ninvalidate\n').notApplied, [
      'numjobs=4 (line 2): aio bench is one process with one thread; raise iodepth instead',
      'cpus_allowed=0-3 (line 3)',
      'time_based=0 (line 4): aio bench always runs for runtime',
      'invalidate (line 5): without direct=1 the page cache is warm',
    ]);
  });

  it('forgets what [global] asked for and the section took back', () => {
    assert.deepEqual(apply('[global]\nnumjobs=4\n[a]\nnumjobs=1\n').notApplied, []);
  });
});

describe('plansFrom a job file', () => {
  it('throws for a file that is not there, with a hint for options without dashes', () => {
    refused(/^there is no job file 'nowhere\.fio'$/, () => plansFrom({}, 'nowhere.fio'));
    refused(/^there is no job file 'bs=4k' \(did you mean --bs=4k\?\)$/, () => plansFrom({}, 'bs=4k'));
    refused(/is not a file$/, () => plansFrom({}, directory));
  });

  it('throws for values that cannot be carried out, naming the section', () => {
    refused(/job\.fio \[a\]: --size: '10%' is not a size/, () => plans('[a]\nsize=10%\n'));
    refused(/job\.fio \[b\]: --bs: one size only/, () => plans('[a]\n[b]\nbs=4k,8k\n'));
    refused(/\[a\]: --rw: 'trim' is none of/, () => plans('[a]\nrw=trim\n'));
    refused(/\[a\]: --ioengine: 'rbd' is none of/, () => plans('[a]\nioengine=rbd\n'));
  });

  it('throws for sections that are not there, and for --section without a job file', () => {
    refused(/has no section 'smal' \(did you mean small\?\); it has small, large$/, () =>
      plans('[small]\n[large]\n', { section: 'smal' }),
    );
    refused(/^--section needs a job file/, () => plansFrom({ section: 'a' }, undefined));
  });

  it('makes a plan of each section, with its name', () => {
    const [small, large] = plans('[global]\nrw=randread\n[small]\nbs=4k\n[large]\nstonewall\nbs=64k\n');
    assert.equal(small.name, 'small');
    assert.equal(small.blockSize, 4096);
    assert.equal(small.workload, 'randread');
    assert.deepEqual(small.depths, [1]);
    assert.equal(large.name, 'large');
    assert.equal(large.blockSize, 65536);
    assert.deepEqual([...small.notApplied, ...large.notApplied], []);
  });

  it('takes only the sections asked for', () => {
    const names = (section: string) => plans('[a]\n[b]\n[c]\n', { section }).map((plan) => plan.name);
    assert.deepEqual(names('b'), ['b']);
    assert.deepEqual(names('c,a'), ['a', 'c']);
  });

  it('says that sections run one after the other, unless stonewall says so itself', () => {
    const [, second] = plans('[a]\n[b]\n');
    assert.match(second.notApplied[0], /^\[b\] runs after the section before it; fio, without stonewall/);
    assert.deepEqual(plans('[global]\nstonewall\n[a]\n[b]\n')[1].notApplied, []);
  });

  it('lets the command line override the job file', () => {
    const text = '[a]\nrw=randrw\nrwmixread=70\niodepth=4\nfilename=f\n';
    const [plan] = plans(text, { iodepth: '1,8', rw: 'randread', directory: '/tmp', name: 'mine' });
    assert.deepEqual(plan.depths, [1, 8]);
    assert.equal(plan.readPercent, 100);
    assert.equal(plan.filename, null);
    assert.equal(plan.directory, '/tmp');
    assert.equal(plan.name, 'mine-a');
    assert.equal(plans('[a]\ndirectory=/d\n', { filename: 'g' })[0].filename, 'g');
  });

  it('drops a mix that its workload does not have, as fio does', () => {
    assert.equal(plans('[global]\nrwmixread=70\n[a]\nrw=read\n')[0].readPercent, 100);
    assert.equal(plans('[global]\nrwmixread=70\n[a]\nrw=rw\n')[0].readPercent, 70);
  });
});
