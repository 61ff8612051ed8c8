import { blobKey } from '../chunks/index.ts'
import { type Answer, type Asked, type Bytes, type Clock, collect, Fault, hexOf, isFault, verified, whatIsWanted } from '../kit/index.ts'
import { findFiles, type ReleaseFile, type Selector } from '../releases/index.ts'
import { documentOf, respondDocument } from './json.ts'
import { productOf, selectorAsOf, selectorOf } from './routes/releases.ts'
import type { ServedView } from './served.ts'

/** Milliseconds in which what a channel holds is not looked at again. */
const freshFor = 1_000
const mostKept = 10_000
/** Bytes: what is no more is looked at whole before any of it is sent. */
const smallFile = 256 << 10

/** A release's bytes never change under the name of an archive or an id; a channel may move at any time. */
const cacheOf = { immutable: 'public, max-age=31536000, immutable', moving: 'public, no-cache' } as const

interface FoundFiles {
  readonly id: string
  readonly as: string
  readonly files: ReadonlyMap<string, ReleaseFile>
}

export interface Downloads {
  /**
   * What is at `/releases/<these segments>`: `<product>/<variant>/<channel>/<file>`, with `latest` for stable, `?as-of=` a time, or
   * `archives/<time>` or an id in place of the channel; without a file, the list of them. Throws Faults.
   */
  answer(asked: Asked, segments: readonly string[]): Promise<Answer>
  /** Channels are looked at anew. */
  forget(): void
}

export function createDownloads(served: ServedView): Downloads {
  const kept = new Map<string, { readonly at: number; readonly found: Promise<FoundFiles> }>()
  const whole = knownWhole(served.clock)
  const find = async ({ product, variant, selector }: Place): Promise<FoundFiles> => {
    const context = await served.releases()
    const { selected, files } = await findFiles(context, productOf(served, product), variant, selector)
    return { id: selected.id, as: selected.as, files: new Map(files.map((file) => [file.path, file])) }
  }
  const lookUp = async (place: Place): Promise<FoundFiles> => {
    const key = JSON.stringify([place.product, place.variant, place.selector])
    const known = kept.get(key)
    const age = known === undefined ? Infinity : served.clock.now() - known.at
    if (known !== undefined && age >= 0 && age < freshFor) return await known.found
    const found = find(place)
    const now = served.clock.now()
    // Anyone may ask for any time, and what each finds is a list of files.
    for (const [oldest, { at }] of kept) {
      if (kept.size < mostKept && now - at < freshFor && now >= at) break
      kept.delete(oldest)
    }
    kept.delete(key)
    kept.set(key, { at: now, found })
    found.catch(() => kept.get(key)?.found === found && kept.delete(key))
    return await found
  }
  return {
    forget: () => kept.clear(),
    async answer(asked, segments) {
      const place = placeOf(asked, segments, served.clock.now())
      const found = await lookUp(place)
      const path = place.file.join('/')
      if (path === '') return list(asked, found)
      const file = found.files.get(path)
      if (file !== undefined) return await answerFile(served, whole, asked, place, file)
      throw new Fault('not-found', `${found.as} of ${place.product} ${place.variant} has no file ${JSON.stringify(path)}`, {
        hint: `it has: ${[...found.files.keys()].slice(0, 20).join(', ')}`,
      })
    },
  }
}

interface Place {
  readonly product: string
  readonly variant: string
  readonly selector: Selector
  readonly file: readonly string[]
  readonly cache: keyof typeof cacheOf
}

function placeOf({ search }: Asked, segments: readonly string[], now: number): Place {
  const [product = '', variant = '', channel = '', ...rest] = segments
  if (channel === '') throw new Fault('not-found', 'a release is at /releases/<product>/<variant>/<channel>/')
  const query = new URLSearchParams(search)
  const asOf = query.get('as-of')
  const strange = [...query.keys()].find((name) => name !== 'as-of')
  if (strange !== undefined) throw new Fault('invalid', `what is ${JSON.stringify(strange.slice(0, 100))}? Only as-of is understood here`)
  if (asOf !== null) return { product, variant, selector: selectorAsOf(channel, asOf, now), file: rest, cache: 'moving' }
  if (channel === 'archives') {
    const [time = '', ...file] = rest
    if (!/^\d{8}_\d{6}$/.test(time)) throw new Fault('not-found', 'an archive is named by its time: archives/20250107_143000')
    return { product, variant, selector: { archive: time }, file, cache: 'immutable' }
  }
  const selector = selectorOf(channel)
  return { product, variant, selector, file: rest, cache: /^sha256:[0-9a-f]{64}$/.test(channel) ? 'immutable' : 'moving' }
}

function list(asked: Asked, { id, as, files }: FoundFiles): Answer {
  return respondDocument(
    asked,
    documentOf({ id, as, files: Array.from(files.values(), ({ path, size, digest }) => ({ path, size, digest })) }),
  )
}

async function answerFile(served: ServedView, whole: KnownWhole, asked: Asked, place: Place, file: ReleaseFile): Promise<Answer> {
  const { size, digest } = file
  // No Last-Modified: a channel that goes back would be older than what a client has, and be taken for the same.
  const version = { etag: `"${hexOf(digest)}"` }
  const wanted = whatIsWanted(asked.headers, version, size)
  const facts = { etag: version.etag, 'cache-control': cacheOf[place.cache], 'accept-ranges': 'bytes', ...digestHeaders(digest) }
  if (wanted.kind === 'not-modified') return { status: 304, headers: facts, body: null }
  if (wanted.kind === 'unsatisfiable') {
    return { status: 416, headers: { 'content-range': `bytes */${size}`, 'content-length': '0', 'accept-ranges': 'bytes' }, body: null }
  }
  const { start, end } = wanted.kind === 'range' ? wanted : { start: 0, end: size }
  const headers = {
    'content-type': 'application/octet-stream',
    'content-length': String(end - start),
    'content-disposition': dispositionOf(file.path),
    ...(wanted.kind === 'range' ? { 'content-range': `bytes ${start}-${end - 1}/${size}` } : {}),
    ...facts,
  }
  const body =
    asked.method === 'HEAD' ? null : await bodyOf(served, whole, file, wanted.kind === 'range' ? { start, end } : undefined, asked)
  return { status: wanted.kind === 'range' ? 206 : 200, headers, body }
}

/**
 * The whole is hashed as it goes by, and its end withheld where a byte is wrong; a version that was found right lately is not hashed again.
 * A part has no digest of its own.
 */
async function bodyOf(
  { store }: ServedView,
  whole: KnownWhole,
  { digest, size, path }: ReleaseFile,
  range: { readonly start: number; readonly end: number } | undefined,
  { signal }: Asked,
) {
  const key = blobKey(digest)
  try {
    const body = await store.get(key, { signal, oneBuffer: true, ...(range === undefined ? {} : { range }) })
    if (body.info.size !== size)
      throw new Fault('corrupt', `${path} has ${body.info.size} bytes in the store, not ${size}`, { at: `${store.name}/${key}` })
    if (range !== undefined) return body
    const checked = whole.check(body, digest, body.info.etag, `${store.name}/${key}`)
    return size <= smallFile ? await collect(checked, smallFile) : checked
  } catch (error) {
    if (!isFault(error, 'not-found')) throw error
    throw new Fault('corrupt', `the bytes of ${path} are missing`, {
      at: `${store.name}/${key}`,
      hint: 'run: holdfast release verify',
      cause: error,
    })
  }
}

/** Milliseconds. A byte that goes bad on the disk by itself changes no etag. */
const trustedFor = 15 * 60_000

interface KnownWhole {
  /** The bytes of this version, hashed as they go by unless that was done lately. */
  check(bytes: Bytes, digest: ReleaseFile['digest'], etag: string, at: string): AsyncIterable<Uint8Array>
}

function knownWhole(clock: Clock): KnownWhole {
  const known = new Map<string, { readonly etag: string; readonly at: number }>()
  return {
    check(bytes, digest, etag, at) {
      const found = known.get(digest)
      const age = found === undefined ? Infinity : clock.now() - found.at
      if (found?.etag === etag && age >= 0 && age < trustedFor) return bytes
      const hashed = verified(bytes, digest, at)
      return (async function* () {
        yield* hashed
        if (known.size >= mostKept) known.clear()
        known.set(digest, { etag, at: clock.now() })
      })()
    },
  }
}

/** RFC 9530, and RFC 3230 for those who do not know it yet. */
function digestHeaders(digest: ReleaseFile['digest']): Record<string, string> {
  const base64 = Buffer.from(hexOf(digest), 'hex').toString('base64')
  return { 'repr-digest': `sha-256=:${base64}:`, digest: `SHA-256=${base64}` }
}

/** RFC 6266: the last part of the path, with what a header cannot say escaped. */
function dispositionOf(path: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1)
  const plainName = name.replaceAll(/[^A-Za-z0-9._+-]/g, '_')
  const escaped = encodeURIComponent(name).replaceAll(/['()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`)
  return plainName === name ? `attachment; filename="${name}"` : `attachment; filename="${plainName}"; filename*=UTF-8''${escaped}`
}
