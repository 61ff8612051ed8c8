import * as v from 'valibot'
import { canonicalJson, type Digest, isDigest, isFault, parseJson, type Shape } from '../../../kit/index.ts'
import type { ResumeMemo } from '../../store.ts'

export interface SentPart {
  readonly number: number
  readonly size: number
  readonly digest: Digest
  readonly etag: string
}

/** All that an upload in parts is bound to when it begins. */
export interface About {
  readonly bucket: string
  readonly key: string
  readonly length: number
  readonly partSize: number
  readonly digest: Digest | undefined
  readonly contentType: string | undefined
  readonly cacheControl: string | undefined
  readonly public: boolean | undefined
}

export interface KnownUpload {
  readonly upload: string
  readonly bucket: string
  readonly key: string
  /** The upload was begun for the same object, from a body of the same length and digest, in parts of the same size. */
  readonly fits: boolean
  readonly parts: readonly SentPart[]
}

export interface OpenMemo {
  /** What is remembered; undefined where there is nothing, or nothing that can be read. */
  load(): Promise<KnownUpload | undefined>
  /** Remembers this upload from now on: `save` after a part was added to `sent`. */
  start(upload: string, sent: ReadonlyMap<number, SentPart>): { save(): Promise<void>; forget(): Promise<void> }
}

interface Remembered {
  readonly version: 1
  readonly upload: string
  readonly about: { readonly bucket: string; readonly key: string }
  readonly parts: readonly SentPart[]
}

const digestShape = v.custom<Digest>(isDigest, 'a digest')
const shape: Shape<Remembered> = v.object({
  version: v.literal(1),
  upload: v.pipe(v.string(), v.nonEmpty()),
  about: v.looseObject({ bucket: v.string(), key: v.string() }),
  parts: v.array(v.object({ number: v.number(), size: v.number(), digest: digestShape, etag: v.string() })),
})

export function openMemo(memo: ResumeMemo, about: About): OpenMemo {
  const mine = canonicalJson(about)
  return {
    async load() {
      const text = await memo.load()
      const known = text === undefined ? undefined : read(text)
      if (known === undefined) return undefined
      return {
        upload: known.upload,
        bucket: known.about.bucket,
        key: known.about.key,
        parts: known.parts,
        fits: canonicalJson(known.about) === mine,
      }
    },
    start: (upload, sent) => ({
      save: coalesced(() => memo.save(canonicalJson({ version: 1, upload, about, parts: [...sent.values()] }))),
      forget: () => memo.clear(),
    }),
  }
}

/** A memo only spares work: one that is damaged is as good as none. */
function read(text: string): Remembered | undefined {
  try {
    return parseJson(shape, text, 'the memo of an upload')
  } catch (error) {
    if (isFault(error, 'corrupt')) return undefined
    throw error
  }
}

/** One save at a time; those asked for meanwhile become one, which has it all. Each call resolves once what it saw is saved. */
function coalesced(save: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> = Promise.resolve()
  let waiting: Promise<void> | undefined
  return () => {
    waiting ??= running.then(() => {
      waiting = undefined
      return (running = save())
    })
    return waiting
  }
}
