import { asFault, type Digest, Fault, faultToJson, forEachBounded, verified } from '../kit/index.ts'
import { blobKey } from '../chunks/index.ts'
import type { ObjectStore } from '../store/index.ts'
import type { ReleaseContext } from './context.ts'
import { filesOf, findVariants, type FoundVariant, nameOf, needVariant, readRelease } from './find.ts'
import type { Product } from './product.ts'
import { archivedKey, publishedKey, readFacts, writeFacts } from './published.ts'
import type { ReleaseFile } from './record.ts'
import type { VariantRef } from './state.ts'

export interface Problem {
  readonly where: string
  /** Releases that need it, as they are called now. */
  readonly needed: readonly string[]
  readonly fault: Record<string, unknown>
  readonly message: string
}

export interface Verified {
  readonly objects: number
  readonly bytes: number
  /** Variants whose published files have not followed the last move yet: there only the store was checked. */
  readonly behind: readonly string[]
  readonly problems: readonly Problem[]
}

interface Item {
  readonly store: ObjectStore
  readonly key: string
  readonly file: ReleaseFile
  readonly needed: string[]
}

/** What should stand now, and the records that could not be read. */
interface Expected {
  readonly found: readonly FoundVariant[]
  readonly items: ReadonlyMap<string, Item>
  readonly behind: readonly string[]
  readonly problems: readonly Problem[]
}

const maxLooks = 5

/**
 * Reads every record, stored artifact and published file again and hashes it. What another command moves meanwhile is judged by
 * where it moved to. A published file that is found damaged is forgotten, so that the next reconcile writes it again. Changes
 * nothing else.
 */
export async function verifyReleases(context: ReleaseContext, product: Product, variant?: string): Promise<Verified> {
  const first = await expected(context, product, variant)
  const total = [...first.items.values()].reduce((sum, item) => sum + item.file.size, 0)
  context.report({ kind: 'begin', task: 'verify', items: first.items.size, bytes: total })
  let bytes = 0
  let problems = await checkAll(context, first.items.values(), (item) => (bytes += item.file.size))
  let now = first
  for (let look = 1; problems.length + now.problems.length > 0 && look < maxLooks; look++) {
    const fresh = await expected(context, product, variant)
    const hasMoved = generationsOf(fresh) !== generationsOf(now)
    now = fresh
    if (!hasMoved && problems.every(({ fault }) => fault['code'] !== 'precondition')) break
    const suspects = problems.flatMap(({ where }) => fresh.items.get(where) ?? [])
    problems = await checkAll(context, suspects, () => undefined)
  }
  context.report({ kind: 'end', task: 'verify' })
  const damaged = new Set(problems.flatMap(({ where }) => now.items.get(where)?.key ?? []))
  for (const each of now.found) await forget(context, product, each, damaged)
  const all = [...now.problems, ...problems].sort((a, b) => (a.where < b.where ? -1 : 1))
  return { objects: first.items.size, bytes, behind: now.behind, problems: all }
}

async function expected(context: ReleaseContext, product: Product, variant: string | undefined): Promise<Expected> {
  const found = variant === undefined ? await findVariants(context, product) : [await needVariant(context, product, variant)]
  const items = new Map<string, Item>()
  const problems: Problem[] = []
  const behind: string[] = []
  for (const each of found) {
    const published = await publishedInLine(context, product, each.ref)
    if (published === 'behind') behind.push(each.variant)
    await gather(context, each, published === 'behind' ? undefined : published, items, problems)
  }
  return { found, items, behind, problems }
}

function generationsOf({ found }: Expected): string {
  return found.map(({ variant, ref }) => `${variant} ${ref.generation}`).join('\n')
}

async function checkAll(context: ReleaseContext, items: Iterable<Item>, onSound: (item: Item) => void): Promise<Problem[]> {
  const problems: Problem[] = []
  await forEachBounded(
    items,
    4,
    async (item, signal) => {
      const problem = await check(context, item, signal)
      if (problem === undefined) onSound(item)
      else problems.push(problem)
    },
    context.signal,
  )
  return problems
}

/** The place of the published files, `behind` where they still show an earlier state, or undefined where there are none. */
async function publishedInLine(context: ReleaseContext, product: Product, ref: VariantRef): Promise<ObjectStore | 'behind' | undefined> {
  if (product.publish === undefined) return undefined
  const facts = await readFacts(context, product.publish, ref)
  return facts.generation === ref.generation ? context.openView(product.publish.url) : 'behind'
}

async function gather(
  context: ReleaseContext,
  { variant, ref }: FoundVariant,
  to: ObjectStore | undefined,
  items: Map<string, Item>,
  problems: Problem[],
): Promise<void> {
  const add = (store: ObjectStore, key: string, file: ReleaseFile, needed: string) => {
    const at = `${store.name}/${key}`
    const present = items.get(at)
    if (present === undefined) items.set(at, { store, key, file, needed: [needed] })
    else if (!present.needed.includes(needed)) present.needed.push(needed)
  }
  for (const id of Object.keys(ref.state.releases) as Digest[]) {
    const needed = `${variant} ${nameOf(ref.state, id)}`
    try {
      await readRelease(context, id)
      const files = await filesOf(context, { id, summary: ref.state.releases[id]! })
      for (const file of files) {
        add(context.store, blobKey(file.digest), file, needed)
        if (to === undefined) continue
        for (const [channel, held] of Object.entries(ref.state.channels))
          if (held === id) add(to, publishedKey(channel, variant, file), file, needed)
        for (const archived of ref.state.archives)
          if (archived.release === id) add(to, archivedKey(archived.at, variant, file), file, needed)
      }
    } catch (error) {
      problems.push(problemOf(error, `the record of ${needed}`, [needed]))
    }
  }
}

async function check(context: ReleaseContext, { store, key, file, needed }: Item, signal: AbortSignal): Promise<Problem | undefined> {
  const at = `${store.name}/${key}`
  try {
    const body = await store.get(key, { signal })
    if (body.length !== file.size) throw new Fault('corrupt', `${at} should have ${file.size} bytes and has ${body.length}`, { at })
    for await (const piece of verified(body, file.digest, at)) context.report({ kind: 'advance', task: 'verify', bytes: piece.byteLength })
    context.report({ kind: 'advance', task: 'verify', items: 1 })
    return undefined
  } catch (error) {
    const fault = asFault(error)
    // Replaced while it was read: it is looked at again.
    if (fault.code === 'corrupt' || fault.code === 'not-found' || fault.code === 'precondition') return problemOf(fault, at, needed)
    throw fault
  }
}

function problemOf(error: unknown, where: string, needed: readonly string[]): Problem {
  const fault = asFault(error)
  if (!['corrupt', 'not-found', 'unsupported', 'precondition'].includes(fault.code)) throw fault
  return { where, needed, fault: faultToJson(fault), message: fault.message }
}

async function forget(context: ReleaseContext, product: Product, { ref }: FoundVariant, damaged: ReadonlySet<string>): Promise<void> {
  if (product.publish === undefined || damaged.size === 0) return
  const facts = await readFacts(context, product.publish, ref)
  const objects = Object.fromEntries(Object.entries(facts.objects).filter(([key]) => !damaged.has(key)))
  if (Object.keys(objects).length < Object.keys(facts.objects).length)
    await writeFacts(context, product.publish, { ...ref, generation: facts.generation }, objects)
}
