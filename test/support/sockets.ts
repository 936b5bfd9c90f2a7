// Sockets as plain descriptors.
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';

/** Two connected sockets of which the event loop reads neither. */
export async function socketPair(t: TestContext): Promise<[number, number]> {
  const server = net.createServer({ pauseOnConnect: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = new net.Socket();
  client.pause();
  client.connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [peer] = (await once(server, 'connection')) as [net.Socket];
  if (client.connecting) await once(client, 'connect');
  t.after(() => {
    client.destroy();
    peer.destroy();
    server.close();
  });
  return [descriptorOf(client), descriptorOf(peer)];
}

function descriptorOf(socket: object): number {
  const { _handle } = socket as { _handle: { fd: number; setBlocking(on: boolean): number } };
  sockets.set(_handle.fd, _handle);
  return _handle.fd;
}

const sockets = new Map<number, { setBlocking(on: boolean): number }>();

/** Makes one of a `socketPair` block, as sockets do in C unless they are told otherwise. */
export function setBlocking(fd: number): void {
  const result = sockets.get(fd)!.setBlocking(true);
  if (result !== 0) throw new Error(`setBlocking: ${result}`);
}
