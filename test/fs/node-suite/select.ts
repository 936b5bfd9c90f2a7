// Which of Node's tests are about fs: by name, with those of other modules that do most of their work through it.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const NAMES =
  /^test-(fs-|fs\.|filehandle-|worker-fshandles|worker-message-port-transfer-filehandle|file-(read|write|validate)|stream2?-fs|internal-fs|permission-fs|domain-fs|http2-respond-file|blob-file|sync-fileread|pipe-file|stdin-from-file|stdout-to-file|readline-|stream-preprocess|zlib-from-)/;

/** Paths below `test/`. */
export function testFiles(folder: string): string[] {
  return ['parallel', 'sequential'].flatMap((part) => {
    const directory = join(folder, 'test', part);
    if (!existsSync(directory)) return [];
    return readdirSync(directory)
      .filter((name) => NAMES.test(name) && /\.m?js$/.test(name))
      .sort()
      .map((name) => `${part}/${name}`);
  });
}
