import { bytesOf, canonicalJson, checkKey, type Digest } from '../kit/index.ts'
import type { ObjectStore, Signal } from '../store/index.ts'

/** Keeps something alive, whatever moves, until it is unpinned. */
export interface Pin {
  readonly format: typeof pinFormat
  readonly id: string
  readonly by: string
  readonly at: string
  readonly message?: string | undefined
  readonly reaches: readonly { readonly kind: 'blob' | 'snapshot'; readonly digest: Digest }[]
}

export const pinFormat = 'holdfast-pin/1'

/** Where the pin lies. Throws `invalid` for an id that cannot be in a key. */
export function pinKey(id: string): string {
  const key = `pins/${id}.json`
  checkKey(key)
  return key
}

/** Idempotent: pinning the same again replaces the note. */
export async function putPin(store: ObjectStore, pin: Omit<Pin, 'format'>, options: Signal = {}): Promise<void> {
  await store.put(pinKey(pin.id), bytesOf(canonicalJson({ format: pinFormat, ...pin }) + '\n'), {
    contentType: 'application/json',
    signal: options.signal,
  })
}

/** Tells whether there was such a pin. */
export async function removePin(store: ObjectStore, id: string, options: Signal = {}): Promise<boolean> {
  const present = await store.head(pinKey(id), options)
  await store.delete(pinKey(id), options)
  return present !== undefined
}

/** The ids of pins that begin with `prefix`. */
export async function listPins(store: ObjectStore, prefix: string, options: Signal = {}): Promise<string[]> {
  const ids: string[] = []
  for await (const info of store.list(`pins/${prefix}`, options)) ids.push(info.key.slice('pins/'.length, -'.json'.length))
  return ids
}
