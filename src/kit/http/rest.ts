import type { IncomingMessage } from 'node:http'
import type { Clock } from '../clock.ts'
import { Fault } from '../fault.ts'
import { addressOf } from './address.ts'
import { lengthOf } from './body.ts'
import { exchange, type Exchanged, type Prepared } from './exchange.ts'
import type { Wire } from './wire.ts'

/** Only with a strong ETag is it sure that the rest is of the same content (RFC 9110, 13.1.5). */
export function canGoOn({ method }: Prepared, { response, status }: Exchanged): boolean {
  const { etag, 'accept-ranges': ranges } = response.headers
  return method === 'GET' && status === 200 && etag !== undefined && etag.startsWith('"') && ranges !== 'none'
}

/** Asks for all after the first `given` bytes; `precondition` where the server cannot, or has other content by now: the caller begins anew. */
export async function askForRest(
  wire: Wire,
  clock: Clock,
  request: Prepared,
  first: IncomingMessage,
  given: number,
): Promise<IncomingMessage> {
  const etag = first.headers.etag!
  const at = addressOf(request.url)
  const headers = { ...request.headers, range: `bytes=${given}-`, 'if-range': etag }
  const { response, status } = await exchange(wire, { ...request, headers, accepts: [] }, clock.now)
  const length = lengthOf(first)
  const [, start, total] = /^bytes (\d+)-\d+\/(\d+)$/.exec(response.headers['content-range'] ?? '') ?? []
  const isSame = response.headers.etag === undefined || response.headers.etag === etag
  const isRest = status === 206 && start === String(given) && (length === undefined || total === String(length))
  if (isRest && isSame) return response
  response.destroy()
  throw new Fault(
    'precondition',
    `${at} broke off after ${given} bytes, and ${isSame ? 'the server cannot go on from there' : 'is another by now'}`,
    {
      at,
    },
  )
}
