import * as v from 'valibot'
import { bytesOf, canonicalJson, Fault, isFault, parseJson } from '../kit/index.ts'
import { type ObjectStore, readAll, type Signal } from '../store/index.ts'

/** The record that makes a place a holdfast store. Members that this version does not know are left as they are. */
export interface StoreFormat {
  readonly format: typeof storeFormat
  /** 32 hex digits, made once. */
  readonly id: string
  readonly created: string
}

export const storeFormat = 'holdfast-store/1'
export const formatKey = 'holdfast.json'

const shape = v.looseObject({ format: v.literal(storeFormat), id: v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/)), created: v.string() })

/** Undefined where no store has been made yet. A newer or foreign format is refused with `unsupported`. */
export async function readStoreFormat(store: ObjectStore, options: Signal = {}): Promise<StoreFormat | undefined> {
  const at = `${store.name}/${formatKey}`
  try {
    const { bytes } = await readAll(store, formatKey, { limit: 1 << 16, signal: options.signal })
    const { format } = parseJson(v.looseObject({ format: v.string() }), bytes, at)
    if (format !== storeFormat) {
      throw new Fault('unsupported', `the store has the format ${JSON.stringify(format)}; this version works with ${storeFormat}`, {
        at,
        hint: 'use the version of holdfast that made it, or a newer one',
      })
    }
    return parseJson(shape, bytes, at)
  } catch (error) {
    if (isFault(error, 'not-found')) return undefined
    throw error
  }
}

/** The store's record, made (with `members` too) where there is none. Of several makers at once one is first and all get its record. */
export async function ensureStoreFormat(
  store: ObjectStore,
  options: Signal & { readonly now: number; readonly random: () => number; readonly members?: Readonly<Record<string, unknown>> },
): Promise<{ readonly format: StoreFormat; readonly isNew: boolean }> {
  const present = await readStoreFormat(store, options)
  if (present !== undefined) return { format: present, isNew: false }
  let id = ''
  while (id.length < 32)
    id += Math.floor(options.random() * 0x10000)
      .toString(16)
      .padStart(4, '0')
  const format = { ...options.members, format: storeFormat, id, created: new Date(options.now).toISOString() } as const
  try {
    await store.put(formatKey, bytesOf(canonicalJson(format) + '\n'), {
      if: 'absent',
      contentType: 'application/json',
      signal: options.signal,
    })
    return { format, isNew: true }
  } catch (error) {
    if (!isFault(error, 'precondition')) throw error
    const made = await readStoreFormat(store, options)
    if (made === undefined) throw error
    return { format: made, isNew: false }
  }
}
