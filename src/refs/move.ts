import { bytesOf, canonicalJson, type Clock, Fault, formatBytes, isFault } from '../kit/index.ts'
import type { ObjectStore } from '../store/index.ts'
import { readRef, type Found } from './read.ts'
import { maxRefBytes, type Move, type Ref, refFormat, refKey, type RefKind } from './record.ts'

export interface RefContext {
  readonly store: ObjectStore
  readonly clock: Clock
  readonly random: () => number
  /** Who moves it, such as `ann@builder-3`. */
  readonly by: string
  readonly signal?: AbortSignal | undefined
}

/** Where a name goes next: the new state and why. */
export interface Next<State, Note> {
  readonly state: State
  readonly action: string
  readonly note: Note
  readonly message?: string | undefined
}

export interface MoveOptions {
  /** After a lost race: plan again on what is there now, or throw `precondition`. */
  readonly onLost: 'retry' | 'fail'
}

export interface Moved<State, Note> {
  readonly before: Ref<State, Note> | undefined
  readonly after: Ref<State, Note>
  /** Races that were lost before this one was won. */
  readonly lost: number
}

const maxRaces = 50

/**
 * Moves a name by one conditional write. `change` is a plan and writes nothing: it is given what stands now and may be called
 * again on fresher state; what it throws ends the move with nothing written. Of many movers at once each either ends on
 * top of the others or throws `precondition`. An answer that was lost on the way is looked up, not guessed.
 */
export async function moveRef<State, Note>(
  context: RefContext,
  kind: RefKind<State, Note>,
  name: string,
  change: (current: Ref<State, Note> | undefined) => Next<State, Note> | Promise<Next<State, Note>>,
  options: MoveOptions,
): Promise<Moved<State, Note>> {
  for (let lost = 0; ; lost++) {
    const found = await readRef(context.store, kind, name, context)
    const after = nextRef(context, kind, name, found?.ref, await change(found?.ref))
    const outcome = await tryWrite(context, kind, found, after)
    if (outcome === 'moved') return { before: found?.ref, after, lost }
    if (options.onLost === 'fail' || lost >= maxRaces) {
      throw new Fault('precondition', `someone else moved ${name} first; nothing was changed by this command`, {
        at: `${context.store.name}/${refKey(kind, name)}`,
        hint: 'look at its history, then run the command again if it is still wanted',
      })
    }
    await context.clock.sleep(context.random() * Math.min(1000, 20 * 2 ** Math.min(lost, 6)), context.signal)
  }
}

function nextRef<State, Note>(
  context: RefContext,
  kind: RefKind<State, Note>,
  name: string,
  current: Ref<State, Note> | undefined,
  next: Next<State, Note>,
): Ref<State, Note> {
  const generation = (current?.generation ?? 0) + 1
  const move: Move<Note> = {
    id: newId(context.random),
    generation,
    at: timeAfter(current, context.clock),
    by: context.by,
    action: next.action,
    ...(next.message === undefined ? {} : { message: next.message }),
    note: next.note,
  }
  return {
    format: refFormat,
    name,
    generation,
    state: next.state,
    reaches: kind.reaches(next.state),
    history: [...(current?.history ?? []).filter((old, index, all) => kind.keepsMove?.(next.state, old, all.length - index) ?? true), move],
  }
}

async function tryWrite<State, Note>(
  context: RefContext,
  kind: RefKind<State, Note>,
  found: Found<State, Note> | undefined,
  after: Ref<State, Note>,
): Promise<'moved' | 'lost'> {
  const key = refKey(kind, after.name)
  const bytes = new TextEncoder().encode(canonicalJson(after) + '\n')
  if (bytes.byteLength > maxRefBytes) {
    throw new Fault(
      'invalid',
      `the record of ${after.name} would be ${formatBytes(bytes.byteLength)}; the limit is ${formatBytes(maxRefBytes)}`,
      {
        at: `${context.store.name}/${key}`,
        hint: 'prune old entries first',
      },
    )
  }
  try {
    await context.store.put(key, bytesOf(bytes), {
      if: found === undefined ? 'absent' : { etag: found.etag },
      contentType: 'application/json',
      signal: context.signal,
    })
    return 'moved'
  } catch (error) {
    if (!isFault(error, 'precondition') && !isFault(error, 'unavailable')) throw error
    // The write may have been applied and only its answer lost: our move's id in the stored record tells.
    const now = await readRef(context.store, kind, after.name, context)
    const mine = after.history.at(-1)!.id
    if (now?.ref.history.some((move) => move.id === mine)) return 'moved'
    if (isFault(error, 'unavailable') && now?.etag === found?.etag) throw error
    return 'lost'
  }
}

function timeAfter(current: Ref<unknown, unknown> | undefined, clock: Clock): string {
  const last = current?.history.at(-1)?.at
  const now = new Date(clock.now()).toISOString()
  return last !== undefined && last > now ? last : now
}

function newId(random: () => number): string {
  let id = ''
  while (id.length < 16)
    id += Math.floor(random() * 0x10000)
      .toString(16)
      .padStart(4, '0')
  return id
}
