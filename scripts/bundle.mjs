// Compiles src/ to JavaScript and puts the library into three files, so that a program which loads it opens a handful of
// files and not ninety: `node --import linux-aio/register` took 56 ms longer to start than with an empty
// module, and takes 25 now (npm run bench -- startup).
//
//   dist/chunks/core.js    src/{abi,ring,file}
//   dist/chunks/fs.js      src/fs
//   dist/chunks/posix.js   src/posix
//
// Every module of src/ has its file in dist/ all the same: the entry points and what has an effect when it is loaded hold
// their own code, the others only export theirs from a chunk. So tests that look inside and programs that do not use the
// very same code. Comments stay in src/, and in the declarations.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rollup } from 'rollup';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const modules = join(root, 'build', 'modules');

const CHUNKS = { abi: 'core', ring: 'core', file: 'core', fs: 'fs', posix: 'posix' };
/** What package.json exports: these files are loaded by name. register.js does its work when it is loaded. */
const ENTRIES = ['index.js', 'fs/fs.js', 'fs/promises.js', 'fs/register.js', 'posix/index.js'];
/** Helpers of TypeScript for `using`; cycles within one chunk; files with nothing but types. */
const EXPECTED = ['THIS_IS_UNDEFINED', 'CIRCULAR_DEPENDENCY', 'EMPTY_BUNDLE'];

export async function bundle() {
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const options = ['--outDir', modules, '--declaration', 'false', '--removeComments', '--noCheck'];
  rmSync(modules, { recursive: true, force: true });
  execFileSync(process.execPath, [tsc, '-p', 'tsconfig.json', ...options], { cwd: root, stdio: 'inherit' });

  const files = readdirSync(modules, { recursive: true }).filter((file) => file.endsWith('.js'));
  const { write, close } = await rollup({
    input: Object.fromEntries(files.map((file) => [file.slice(0, -'.js'.length), join(modules, file)])),
    external: /^node:/,
    plugins: [{ name: 'source-maps', load: withSourceMap }],
    preserveEntrySignatures: 'strict',
    treeshake: false, // everything is an entry; and what a module does when it is loaded stays as it is
    onwarn(warning) {
      if (!EXPECTED.includes(warning.code)) throw new Error(warning.message);
    },
  });
  await write({
    dir: join(root, 'dist'),
    format: 'es',
    sourcemap: true,
    entryFileNames: '[name].js',
    chunkFileNames: 'chunks/[name].js',
    manualChunks: (id) => chunkOf(relative(modules, id)),
    minifyInternalExports: false, // a stack trace has the names of the source
    hoistTransitiveImports: false,
  });
  await close();
}

function chunkOf(file) {
  return ENTRIES.includes(file) ? undefined : CHUNKS[file.split(sep)[0]];
}

function withSourceMap(id) {
  const code = readFileSync(id, 'utf8').replace(/^\/\/# sourceMappingURL=.*$/m, '');
  return { code, map: readFileSync(`${id}.map`, 'utf8') };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await bundle();
