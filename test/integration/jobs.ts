// The everyday work of well-known packages. Each job gets an empty directory, works in it through its package, and
// returns what it saw; packages.test.ts runs it with and without `--import linux-aio/register`.
//
//   node jobs.js JOB DIRECTORY NODE_MODULES
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** The packages' types are not installed with this package. */
// biome-ignore lint/suspicious/noExplicitAny: as above
type Package = any;
type Job = (directory: string, load: (name: string) => Promise<Package>) => Promise<unknown>;

/** The others are required: both doors are to be seen. */
const IMPORTED = ['fast-glob', 'typescript', 'vite'];

const text = (n: number) => `Zeile ${n}: ${'größer '.repeat(n % 50)}\n`;

/** Files in folders, some empty, one large, one link. */
function plant(directory: string, count: number): void {
  for (let n = 0; n < count; n++) {
    const folder = join(directory, `folder-${n % 7}`, n % 3 ? '' : 'deep');
    fs.mkdirSync(folder, { recursive: true });
    fs.writeFileSync(join(folder, `file-${n}.${n % 2 ? 'txt' : 'js'}`), n % 11 ? text(n).repeat(n) : '');
  }
  fs.writeFileSync(join(directory, 'large.bin'), Buffer.alloc(3_000_000, 'abcdefgh'));
  fs.symlinkSync('large.bin', join(directory, 'link'));
}

const codeOf = (error: NodeJS.ErrnoException) => `${error.name} ${error.code}`;

export const jobs: Readonly<Record<string, Job>> = {
  async 'fs-extra'(directory, load) {
    const fse = await load('fs-extra');
    const at = (name: string) => join(directory, name);
    await fse.outputFile(at('a/b/c.txt'), 'made on the way');
    await fse.outputJson(at('data.json'), { one: 1, list: [1, 2, 3] }, { spaces: 2 });
    plant(at('source'), 40);
    await fse.copy(at('source'), at('copy'), { preserveTimestamps: true });
    await fse.copy(at('source/large.bin'), at('large-copy.bin'));
    await fse.move(at('copy'), at('moved'));
    await fse.ensureSymlink(at('data.json'), at('links/data.json'));
    await fse.ensureLink(at('data.json'), at('links/hard.json'));
    await fse.emptyDir(at('a'));
    await fse.remove(at('source'));
    const calledBack = await new Promise((resolve) => {
      fse.readFile(at('data.json'), 'utf8', (error: Error | null, content: string) =>
        resolve([error, content]),
      );
    });
    return [
      await fse.readJson(at('data.json')),
      await fse.pathExists(at('source')),
      await fse.pathExists(at('moved')),
      await fse.readJson(at('missing.json')).catch(codeOf),
      await fse.move(at('data.json'), at('large-copy.bin')).catch((error: Error) => error.message),
      calledBack,
      fse.default?.readFile === fse.readFile || fse.default === undefined,
    ];
  },

  /** More files at once than descriptors: that is what it is for. */
  async 'graceful-fs'(directory, load) {
    const graceful = await load('graceful-fs');
    graceful.gracefulify(fs);
    const paths = Array.from({ length: 300 }, (_, n) => join(directory, `${n}`));
    const each = (run: (path: string, done: (error: Error | null, value?: unknown) => void) => void) =>
      Promise.all(
        paths.map(
          (path) =>
            new Promise((resolve, reject) => {
              run(path, (error, value) => (error ? reject(error) : resolve(value)));
            }),
        ),
      );
    await each((path, done) => graceful.writeFile(path, `content of ${path}`, done));
    await each((path, done) => graceful.appendFile(path, ', and more', done));
    const read = (await each((path, done) => graceful.readFile(path, 'utf8', done))) as string[];
    const streamed = await each((path, done) => {
      let all = '';
      const stream = graceful.createReadStream(path, 'utf8');
      stream.on('data', (chunk: string) => {
        all += chunk;
      });
      stream.on('error', done);
      stream.on('close', () => done(null, all));
    });
    await each((path, done) => graceful.rename(path, `${path}-renamed`, done));
    return [read.length, read[299], streamed.every((content, i) => content === read[i])];
  },

  async 'write-file-atomic'(directory, load) {
    const writeFileAtomic = await load('write-file-atomic');
    const path = join(directory, 'config.json');
    fs.writeFileSync(path, 'old', { mode: 0o640 });
    await Promise.all(Array.from({ length: 40 }, (_, n) => writeFileAtomic(path, text(n))));
    await Promise.all(
      Array.from({ length: 40 }, (_, n) =>
        writeFileAtomic(join(directory, `${n}.txt`), text(n), { mode: 0o600 }),
      ),
    );
    const failure = await writeFileAtomic(join(directory, 'no/folder'), 'x').catch(codeOf);
    return [fs.readFileSync(path, 'utf8') === text(39), failure];
  },

  async tar(directory, load) {
    const tar = await load('tar');
    plant(join(directory, 'tree'), 60);
    await tar.create({ gzip: true, file: join(directory, 'tree.tgz'), cwd: directory, portable: true }, [
      'tree',
    ]);
    const names: string[] = [];
    await tar.list({
      file: join(directory, 'tree.tgz'),
      onReadEntry: (entry: { path: string }) => names.push(entry.path),
    });
    fs.mkdirSync(join(directory, 'out'));
    await tar.extract({ file: join(directory, 'tree.tgz'), cwd: join(directory, 'out') });
    await tar.create({ file: join(directory, 'some.tar'), cwd: join(directory, 'out/tree') }, [
      'large.bin',
      'link',
    ]);
    for (const archive of ['tree.tgz', 'some.tar']) fs.rmSync(join(directory, archive)); // with times in them
    return [names.sort(), await tar.list({ file: join(directory, 'missing.tgz') }).catch(codeOf)];
  },

  async send(directory, load) {
    const send = await load('send');
    plant(directory, 10);
    fs.utimesSync(join(directory, 'large.bin'), 1_700_000_000, 1_700_000_000);
    const server = http.createServer((request, response) => {
      send(request, new URL(request.url!, 'http://localhost').pathname, { root: directory }).pipe(response);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const get = async (path: string, headers: Record<string, string> = {}) => {
      const response = await fetch(origin + path, { headers });
      const body = await response.text();
      const shown = [
        'content-length',
        'content-type',
        'content-range',
        'etag',
        'last-modified',
        'accept-ranges',
      ];
      const known = path.startsWith('/large') ? shown : shown.slice(0, 3); // the others carry times
      return [
        response.status,
        known.map((name) => response.headers.get(name)),
        body.length,
        body.slice(0, 90),
      ];
    };
    const etag = (await fetch(`${origin}/large.bin`, { method: 'HEAD' })).headers.get('etag')!;
    const found = [
      await get('/large.bin'),
      await get('/large.bin', { range: 'bytes=1000000-2000010' }),
      await get('/large.bin', { range: 'bytes=9999999-' }),
      await get('/large.bin', { 'if-none-match': etag }),
      await get('/folder-1/file-1.txt'),
      await get('/missing'),
      await get('/folder-1'),
      await Promise.all(Array.from({ length: 20 }, (_, n) => get(`/large.bin?${n}`))),
    ];
    server.close();
    server.closeAllConnections();
    return found;
  },

  async 'fast-glob'(directory, load) {
    const glob = (await load('fast-glob')).default;
    plant(directory, 80);
    const options = { cwd: directory };
    const streamed: string[] = [];
    for await (const path of glob.stream('**/deep/*', options)) streamed.push(path);
    return [
      (await glob('**/*.txt', options)).sort(),
      (await glob(['**/*', '!**/deep/**'], { ...options, dot: true, onlyFiles: false })).sort(),
      (await glob('**/*', { ...options, stats: true }))
        .map(({ path, stats }: Package) => [path, stats.size])
        .sort(),
      streamed.sort(),
    ];
  },

  async rimraf(directory, load) {
    const { rimraf } = await load('rimraf');
    plant(join(directory, 'one'), 60);
    plant(join(directory, 'two'), 60);
    return [
      await rimraf(join(directory, 'one')),
      await rimraf(join(directory, 'two/**/*.txt'), { glob: true }),
      await rimraf.manual(join(directory, 'two/folder-1')),
      await rimraf(join(directory, 'never-there')),
    ];
  },

  async 'proper-lockfile'(directory, load) {
    const lockfile = await load('proper-lockfile');
    const path = join(directory, 'database');
    fs.writeFileSync(path, 'content');
    const release = await lockfile.lock(path, { stale: 5000, update: 1000 });
    const second = await lockfile.lock(path).catch(codeOf);
    const during = await lockfile.check(path);
    await release();
    const after = await lockfile.check(path);
    const missing = await lockfile.lock(join(directory, 'missing')).catch(codeOf);
    let holders = 0;
    let most = 0;
    await Promise.all(
      Array.from({ length: 5 }, async () => {
        const end = await lockfile.lock(path, { retries: { retries: 100, minTimeout: 5, maxTimeout: 20 } });
        most = Math.max(most, ++holders);
        holders--;
        await end();
      }),
    );
    return [second, during, after, missing, most];
  },

  /** A page with a script, a style sheet, an image and a part that is loaded later. */
  async vite(directory, load) {
    const page = join(directory, 'page');
    const files = {
      'index.html':
        '<!doctype html><link rel="stylesheet" href="./style.css"><img src="./image.svg"><script type="module" src="./main.js"></script>',
      'style.css': 'body { color: rebeccapurple; background: url(./large.svg) }',
      'main.js':
        "import { add } from './add.js'; console.log(add(1, 2)); import('./later.js').then((m) => m.run());",
      'add.js': 'export const add = (a, b) => a + b; export const unused = 1;',
      'later.js': "export const run = () => console.log('later');",
      'image.svg': '<svg xmlns="http://www.w3.org/2000/svg"/>',
      'large.svg': `<svg xmlns="http://www.w3.org/2000/svg">${'<g/>'.repeat(3000)}</svg>`,
      'public/robots.txt': 'User-agent: *',
    };
    for (const [name, content] of Object.entries(files)) {
      fs.mkdirSync(join(page, name, '..'), { recursive: true });
      fs.writeFileSync(join(page, name), content);
    }
    const { build } = await load('vite');
    await build({ root: page, logLevel: 'silent', configFile: false });
    return fs.readdirSync(join(page, 'dist'), { recursive: true }).sort();
  },

  async typescript(directory, load) {
    const ts = (await load('typescript')).default;
    for (let n = 0; n < 10; n++) {
      const previous = n > 0 ? `import { value${n - 1} } from './m${n - 1}.js';\n` : '';
      const sum = n > 0 ? `value${n - 1} + ${n}` : '0';
      fs.writeFileSync(join(directory, `m${n}.ts`), `${previous}export const value${n}: number = ${sum};\n`);
    }
    fs.writeFileSync(join(directory, 'wrong.ts'), 'export const text: string = 5;\n');
    const settings = {
      target: 'es2022',
      module: 'nodenext',
      outDir: 'out',
      strict: true,
      lib: ['es2022'],
      types: [],
      declaration: true,
    };
    fs.writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify({ compilerOptions: settings }));
    const config = ts.getParsedCommandLineOfConfigFile(
      join(directory, 'tsconfig.json'),
      {},
      {
        ...ts.sys,
        onUnRecoverableConfigFileDiagnostic: () => {},
      },
    );
    const program = ts.createProgram(config.fileNames, config.options);
    const emitted = program.emit();
    const found = [...ts.getPreEmitDiagnostics(program), ...emitted.diagnostics];
    return found.map(({ messageText, file }: Package) => [messageText, file?.fileName]);
  },
};

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [, , name, directory, modules] = process.argv;
  const require = createRequire(join(modules, 'package.json'));
  const load = (id: string) =>
    IMPORTED.includes(id) ? import(pathToFileURL(require.resolve(id)).href) : Promise.resolve(require(id));
  const result = await jobs[name](directory, load);
  console.log(JSON.stringify(result));
}
