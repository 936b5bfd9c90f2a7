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
  return (socket as { _handle: { fd: number } })._handle.fd;
}
