import { randomInt } from 'node:crypto'
import { connect, createServer } from 'node:net'

const loopback = '127.0.0.1'

const lowest = 20_000
/** From here on Linux gives ports to connections, and to servers that ask for any. */
const givenAway = 32_768
const tries = 100

/**
 * A port of the loopback that nobody had a moment ago. The system gives it to nobody, so that it is free still when the server that it is
 * for has started, whatever else begins and ends connections meanwhile.
 */
export async function freePort(): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    const port = randomInt(lowest, givenAway)
    try {
      await listenOnce(port)
      return port
    } catch (error) {
      if (attempt === tries) throw error
    }
  }
}

function listenOnce(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(port, loopback, () => server.close(() => resolve()))
  })
}

export function isReachable(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, loopback)
    socket.once('connect', () => (socket.destroy(), resolve(true)))
    socket.once('error', () => resolve(false))
  })
}
