import { compareKeys, Fault, isFault } from '../kit/index.ts'
import { type ObjectStore, readAll, type Signal } from '../store/index.ts'
import { maxRefBytes, parseRef, type Ref, refKey, type RefKind, refNameOf } from './record.ts'

/** A ref as it was read, with the etag that a conditional write needs. */
export interface Found<State, Note> {
  readonly ref: Ref<State, Note>
  readonly etag: string
}

/** One request. Undefined where the name has never been moved. */
export async function readRef<State, Note>(
  store: ObjectStore,
  kind: RefKind<State, Note>,
  name: string,
  options: Signal = {},
): Promise<Found<State, Note> | undefined> {
  const key = refKey(kind, name)
  try {
    const { bytes, info } = await readAll(store, key, { limit: maxRefBytes, signal: options.signal })
    const ref = parseRef(kind, bytes, `${store.name}/${key}`)
    if (ref.name !== name)
      throw new Fault('corrupt', `the ref says that it is ${JSON.stringify(ref.name)}, not ${name}`, { at: `${store.name}/${key}` })
    return { ref, etag: info.etag }
  } catch (error) {
    if (isFault(error, 'not-found')) return undefined
    throw error
  }
}

/** Names of this kind that begin with `prefix`, in order. */
export async function listRefNames(
  store: ObjectStore,
  kind: { readonly group: string },
  prefix: string,
  options: Signal = {},
): Promise<string[]> {
  const names: string[] = []
  for await (const info of store.list(`refs/${kind.group}/${prefix}`, options)) {
    const name = refNameOf(kind, info.key)
    if (name !== undefined) names.push(name)
  }
  return names.sort(compareKeys)
}
