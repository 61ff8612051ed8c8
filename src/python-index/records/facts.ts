import * as v from 'valibot'
import { bytesOf, canonicalJson, type Digest, isFault, parseJson, type Shape } from '../../kit/index.ts'
import { digestShape } from '../../refs/index.ts'
import { readAll } from '../../store/index.ts'
import type { IndexContext } from '../context.ts'
import { mapShape } from './map-shape.ts'
import { refNameOfBucket } from './state.ts'

/** Which prefixes' views are in line, and what the bucket looked like then. */
export interface ViewFacts {
  readonly format: typeof viewFormat
  readonly prefixes: Readonly<Record<string, PrefixInLine>>
}

export interface PrefixInLine {
  readonly catalogue: Digest
  /** The sum of all rows of the prefix (files, companions, pages) when its view was in line with that catalogue. */
  readonly seen: Digest
}

/** How the view of one prefix was written, page by page. */
export interface PrefixFacts {
  readonly format: typeof prefixFormat
  /** What the view was brought in line with. */
  readonly catalogue: Digest
  readonly projects: Readonly<Record<string, WrittenProject>>
  readonly root: {
    /** Of the names that the root pages list. */
    readonly names: Digest
    /** The sum of the rows of the root pages as they were written. */
    readonly rows: Digest
  }
}

export interface WrittenProject {
  /** The project record that the pages were made of. */
  readonly record: Digest
  /** The sum of the rows of the project's pages and companions as they were written. */
  readonly rows: Digest
}

/** Both numbers rise whenever the same record gives other pages than before: views of then are written anew. */
export const viewFormat = 'holdfast-index-view/1'
export const prefixFormat = 'holdfast-index-prefix-view/1'

const viewShape = v.object({
  format: v.literal(viewFormat),
  prefixes: mapShape(v.object({ catalogue: digestShape, seen: digestShape })),
}) as unknown as Shape<ViewFacts>

const prefixShape = v.object({
  format: v.literal(prefixFormat),
  catalogue: digestShape,
  projects: mapShape(v.object({ record: digestShape, rows: digestShape })),
  root: v.object({ names: digestShape, rows: digestShape }),
}) as unknown as Shape<PrefixFacts>

type Knowing = Pick<IndexContext, 'store' | 'environment' | 'signal'>

const maxFactsBytes = 64 << 20

/** Where everything lies that is remembered of this bucket; ends with a slash. */
export function factsFolder({ environment }: Pick<IndexContext, 'environment'>): string {
  return `facts/index/${refNameOfBucket(environment.bucket)}/`
}

/** Undefined where they are missing or cannot be read: what they told is found out again. One request. */
export async function readViewFacts(context: Knowing): Promise<ViewFacts | undefined> {
  return await readFacts(context, viewKey(context), viewShape)
}

/** The last one wins. One request. */
export async function putViewFacts(context: Knowing, prefixes: ViewFacts['prefixes']): Promise<void> {
  await putFacts(context, viewKey(context), { format: viewFormat, prefixes })
}

/** Undefined where they are missing or cannot be read: what they told is found out again. One request. */
export async function readPrefixFacts(context: Knowing, prefix: string): Promise<PrefixFacts | undefined> {
  return await readFacts(context, prefixKey(context, prefix), prefixShape)
}

/** The last one wins. One request. */
export async function putPrefixFacts(context: Knowing, prefix: string, facts: Omit<PrefixFacts, 'format'>): Promise<void> {
  await putFacts(context, prefixKey(context, prefix), { format: prefixFormat, ...facts })
}

function viewKey(context: Knowing): string {
  return `${factsFolder(context)}view.json`
}

function prefixKey(context: Knowing, prefix: string): string {
  return `${factsFolder(context)}prefixes/${prefix}.json`
}

async function readFacts<T>({ store, signal }: Knowing, key: string, shape: Shape<T>): Promise<T | undefined> {
  try {
    const { bytes } = await readAll(store, key, { limit: maxFactsBytes, signal })
    return parseJson(shape, bytes, `${store.name}/${key}`)
  } catch (error) {
    if (isFault(error, 'not-found') || isFault(error, 'corrupt')) return undefined
    throw error
  }
}

async function putFacts({ store, signal }: Knowing, key: string, facts: ViewFacts | PrefixFacts): Promise<void> {
  await store.put(key, bytesOf(canonicalJson(facts) + '\n'), { contentType: 'application/json', signal })
}
