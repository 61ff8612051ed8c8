import { once } from 'node:events'
import { connect } from 'node:net'

/** What a server says to bytes sent as they are, until it closes. */
export async function sayRaw(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  let said = ''
  socket.setEncoding('latin1').on('data', (piece: string) => (said += piece))
  socket.write(text)
  await once(socket, 'close')
  return said
}
