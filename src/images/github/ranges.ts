import type { HttpAnswer, HttpClient } from '../../kit/http/index.ts'
import { asFault, bytesFrom, type Clock, Fault, formatDuration, type Report, throwIfAborted } from '../../kit/index.ts'
import type { RangedSource } from '../../kit/zip/index.ts'

export interface RangesOptions {
  readonly name: string
  /** A new address, which is good for a while. */
  readonly locate: () => Promise<URL>
  readonly http: HttpClient
  readonly clock: Clock
  readonly random: () => number
  readonly report: Report
  readonly signal?: AbortSignal | undefined
}

/** The address that all readers of a source share, and how often it has changed. */
interface Address {
  /** Undefined where the next who reads asks for one. */
  current: Promise<URL> | undefined
  generation: number
}

interface Place {
  readonly size: number
  /** Tells that the content is the same, where the server names one. */
  readonly etag: string | undefined
}

/** Tries without a byte between them. */
const mostTries = 5
/** New addresses without a byte between them. */
const mostAddresses = 3

/** How storages refuse an address that has expired. */
const refusals = [401, 403, 404, 410]

/**
 * Content behind addresses that expire, to be read in parts: an address that is refused is replaced, a part that breaks off goes on where it was. What
 * the server says about each part is compared with what was asked. Nothing but the address is sent: no token.
 */
export async function openRanges(options: RangesOptions): Promise<RangedSource> {
  const address: Address = { current: undefined, generation: 0 }
  const probe = await openAt(options, address, { start: 0, end: 1 }, undefined, options.signal)
  const size = Number(/^bytes 0-0\/(\d{1,15})$/.exec(probe.headers['content-range'] ?? '')?.[1] ?? Number.NaN)
  const etag = probe.headers['etag']
  probe.discard()
  if (!Number.isSafeInteger(size)) throw notRanged(options.name, probe)
  const place = { size, etag: etag?.startsWith('"') === true ? etag : undefined }
  return {
    name: options.name,
    size,
    read(start, end, { signal = options.signal } = {}) {
      if (start < 0 || end > size || start > end)
        throw new Fault('bug', `a part of ${options.name} that is not in it: ${start}-${end} of ${size}`)
      return Promise.resolve(bytesFrom(() => readOn(options, address, place, { start, end }, signal), end - start))
    },
  }
}

interface Part {
  readonly start: number
  /** The first byte that is not read. */
  readonly end: number
}

async function* readOn(
  options: RangesOptions,
  address: Address,
  place: Place,
  { start, end }: Part,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  const { name, clock, random, report } = options
  let at = start
  for (let failed = 0; at < end;) {
    const answer = await openAt(options, address, { start: at, end }, place, signal)
    try {
      for await (const piece of answer.body) {
        at += piece.byteLength
        if (at > end) throw new Fault('corrupt', `${name}: the server sends more than was asked for`)
        failed = 0
        yield piece
      }
      if (at < end) throw new Fault('unavailable', `${name} broke off after ${at} of ${place.size} bytes`)
    } catch (error) {
      throwIfAborted(signal)
      const fault = asFault(error)
      if (fault.retry !== 'later' || ++failed >= mostTries) throw fault
      const wait = random() * Math.min(20_000, 500 * 2 ** (failed - 1))
      report({ kind: 'note', level: 'warning', text: `${fault.message}: going on in ${formatDuration(wait)}`, event: 'http_retry' })
      await clock.sleep(wait, signal)
    }
  }
}

/** An answer that is that part and nothing else. The client tries again by itself what fails for a while. */
async function openAt(
  options: RangesOptions,
  address: Address,
  { start, end }: Part,
  place: Place | undefined,
  signal: AbortSignal | undefined,
): Promise<HttpAnswer> {
  const { http, name } = options
  for (let tried = 1; ; tried++) {
    throwIfAborted(signal)
    const { generation } = address
    const url = await currentOf(options, address)
    const answer = await http.request({ url: url.href, headers: { range: `bytes=${start}-${end - 1}` }, accepts: refusals, signal })
    if (!refusals.includes(answer.status)) {
      if (place !== undefined) checkPart(name, answer, { start, end }, place)
      return answer
    }
    answer.discard()
    if (tried === mostAddresses) {
      throw new Fault('denied', `${name}: the storage refuses address after address, with ${answer.status}`, {
        at: url.origin,
        hint: 'is the clock of this machine right? An address is good for a minute',
      })
    }
    // Once for all who were refused with the same address.
    if (address.generation === generation) {
      address.generation++
      address.current = undefined
    }
  }
}

function currentOf({ locate }: RangesOptions, address: Address): Promise<URL> {
  return (address.current ??= locate().catch((error: unknown) => {
    // What failed for now is asked anew by the next who reads.
    address.current = undefined
    throw error
  }))
}

function checkPart(name: string, answer: HttpAnswer, { start, end }: Part, { size, etag }: Place): void {
  const { status, headers } = answer
  const wrong = (fault: Fault) => {
    answer.discard()
    return fault
  }
  const isWhole = status === 200 && start === 0 && end === size
  if (status !== 206 && !isWhole) throw wrong(notRanged(name, answer))
  if (etag !== undefined && headers['etag'] !== undefined && headers['etag'] !== etag)
    throw wrong(new Fault('precondition', `${name} has changed while it was read`, { hint: 'run it again' }))
  const said = headers['content-range']
  if (!isWhole && said !== `bytes ${start}-${end - 1}/${size}`)
    throw wrong(
      new Fault(
        'corrupt',
        `${name}: asked for the bytes ${start}-${end - 1} of ${size}, the server says it sends ${JSON.stringify(said?.slice(0, 100))}`,
      ),
    )
  const length = headers['content-length']
  if (length !== undefined && Number(length) !== end - start)
    throw wrong(new Fault('corrupt', `${name}: asked for ${end - start} bytes, the server says it sends ${length.slice(0, 20)}`))
  const encoding = headers['content-encoding']
  if (encoding !== undefined && encoding !== 'identity')
    throw wrong(new Fault('corrupt', `${name} came in the encoding ${JSON.stringify(encoding.slice(0, 40))}, which was not asked for`))
}

function notRanged(name: string, { status, url }: HttpAnswer): Fault {
  return new Fault('unsupported', `${name}: the storage gives no parts of it (${status})`, { at: new URL(url).origin })
}
