import { createConnection, createServer, type Socket } from 'node:net'

export interface DelayProxy {
  readonly port: number
  /** Bytes that went by: to the server and from it. */
  readonly bytes: { readonly up: number; readonly down: number }
  /** Cuts every connection that is open now, as a network that fails does. */
  cut(): void
  close(): Promise<void>
}

/** How many bytes may come down over the nth connection, counted from 1, before it is cut; undefined for any number. */
export type Lives = (nth: number) => number | undefined

/** A TCP proxy that holds every byte for `oneWay` milliseconds in each direction, and however many at once: it adds latency and keeps the bandwidth. */
export async function startDelayProxy(
  target: { readonly host: string; readonly port: number },
  oneWay: number,
  lives: Lives = () => undefined,
): Promise<DelayProxy> {
  const sockets = new Set<Socket>()
  const bytes = { up: 0, down: 0 }
  const keep = (socket: Socket) => {
    sockets.add(socket)
    socket.setNoDelay(true)
    socket.on('error', () => socket.destroy())
    socket.once('close', () => sockets.delete(socket))
  }
  let connections = 0
  const server = createServer((near) => {
    let left = lives(++connections) ?? Infinity
    const far = createConnection(target)
    for (const socket of [near, far]) keep(socket)
    delayed(near, far, oneWay, (count) => (bytes.up += count))
    delayed(far, near, oneWay, (count) => {
      bytes.down += count
      left -= count
      if (left < 0) for (const socket of [near, far]) socket.destroy()
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const cut = () => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    port: address.port,
    bytes,
    cut,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        cut()
      }),
  }
}

/** Passes on what comes, and its end, each `wait` milliseconds after it came, in order. */
function delayed(from: Socket, to: Socket, wait: number, count: (bytes: number) => void): void {
  const queue: { readonly due: number; readonly piece: Buffer | undefined }[] = []
  let timer: NodeJS.Timeout | undefined
  const release = () => {
    timer = undefined
    for (let first = queue[0]; first !== undefined && first.due <= performance.now(); first = queue[0]) {
      queue.shift()
      if (first.piece === undefined) to.end()
      else if (to.writable) to.write(first.piece)
    }
    if (queue[0] !== undefined) timer = setTimeout(release, Math.max(1, Math.ceil(queue[0].due - performance.now())))
  }
  const hold = (piece: Buffer | undefined) => {
    queue.push({ due: performance.now() + wait, piece })
    timer ??= setTimeout(release, wait)
  }
  from.on('data', (piece: Buffer) => {
    count(piece.byteLength)
    hold(piece)
  })
  from.on('end', () => hold(undefined))
  from.on('close', () => {
    if (from.errored !== null) to.destroy()
  })
  to.on('close', () => clearTimeout(timer))
}
