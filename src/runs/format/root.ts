import * as v from 'valibot'
import { canonicalJson, type Digest, Fault, isDigest, parseJson } from '../../kit/index.ts'
import { maxLogBytes, maxRootBytes } from './limits.ts'
import { isLogName, isPackName } from './place.ts'

/** The name that moves: all that a revision has is reached from it, and was durable before it. */
export interface Root {
  /** Rises by one with each generation that changed anything. */
  readonly revision: number
  /** When the runs were last looked at, in milliseconds since 1970. */
  readonly generated: number
  /** The log of pages: its name, and how far a reader may read. */
  readonly log: { readonly name: string; readonly length: number }
  /** The table of projects. `counter` rises by one whenever `digest` changes. */
  readonly full: { readonly counter: number; readonly digest: Digest }
  /** The page of active runs, with a counter of its own. `window` is in seconds. */
  readonly active: { readonly counter: number; readonly digest: Digest; readonly window: number }
  /** The table of packs. */
  readonly packs: { readonly digest: Digest }
  /** The pack of the newest revision that has one: name, size, and offset and length of its index. */
  readonly newest?: { readonly name: string; readonly size: number; readonly index: readonly [offset: number, length: number] } | undefined
  readonly totals: { readonly runs: number; readonly files: number; readonly bytes: number }
}

const format = 'holdfast-runs/1'

const whole = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
const digest = v.custom<Digest>(isDigest, 'not a digest')

const shape = v.object({
  format: v.literal(format),
  revision: whole,
  generated: whole,
  log: v.object({ name: v.pipe(v.string(), v.check(isLogName, 'not the name of a log')), length: v.pipe(whole, v.maxValue(maxLogBytes)) }),
  full: v.object({ counter: whole, digest }),
  active: v.object({ counter: whole, digest, window: whole }),
  packs: v.object({ digest }),
  newest: v.optional(
    v.object({
      name: v.pipe(v.string(), v.check(isPackName, 'not the name of a pack')),
      size: whole,
      index: v.tuple([whole, whole]),
    }),
  ),
  totals: v.object({ runs: whole, files: whole, bytes: whole }),
})

const named = v.object({ format: v.string() })

export function encodeRoot(root: Root): string {
  return `${canonicalJson({ format, ...root })}\n`
}

/** Throws `corrupt` for anything that is no root, and `unsupported` for one of another format. */
export function parseRoot(bytes: Uint8Array, at: string): Root {
  if (bytes.byteLength > maxRootBytes) throw new Fault('corrupt', `the root is larger than its limit of ${maxRootBytes} bytes`, { at })
  const found = parseJson(named, bytes, at).format
  if (found !== format) {
    throw new Fault('unsupported', `the pages are of the format ${JSON.stringify(found.slice(0, 80))}, and this version reads ${format}`, {
      at,
      hint: 'update holdfast here, or generate the pages with the same version',
    })
  }
  const { format: _format, ...root } = parseJson(shape, bytes, at)
  const { newest } = root
  if (newest !== undefined && newest.index[0] + newest.index[1] > newest.size) {
    throw new Fault('corrupt', 'the index of the newest pack does not lie within the pack', { at })
  }
  return root
}
