import { Fault } from '../../kit/index.ts'
import { type Place, placeName } from '../../kit/sys/index.ts'

/** What of an entry was left out. An extended attribute counts by its namespace: `xattr:user`, `xattr:security`, … */
export type Omitted = 'owner' | 'owner-name' | 'mode' | 'set-id' | 'time' | 'special' | 'device' | 'xattrs' | `xattr:${string}`

/** One kind of omission, for one reason. */
export interface Omission {
  readonly what: Omitted
  readonly count: number
  /** The first fault of these: its message names the reason. */
  readonly fault: Fault
  /** Where it was met first. */
  readonly first: string
}

/** Collects what could not be captured or applied, so that it is said once, with a count. */
export interface Shortfall {
  note(what: Omitted, at: Place, fault: Fault): void
  /** Does it. What privileges, the file system or the machine do not allow is noted and gives undefined; any other trouble is thrown. */
  attempt<T>(what: Omitted, at: Place, act: () => T): T | undefined
  /** In the order in which each was first met. */
  omissions(): Omission[]
}

export function createShortfall(): Shortfall {
  const found = new Map<string, Omission>()
  const note: Shortfall['note'] = (what, at, fault) => {
    const key = `${what} ${fault.code}`
    const known = found.get(key)
    if (known === undefined) found.set(key, { what, count: 1, fault, first: placeName(at) })
    else found.set(key, { ...known, count: known.count + 1 })
  }
  return {
    note,
    attempt: (what, at, act) => attempt(act, (fault) => note(what, at, fault)),
    omissions: () => [...found.values()],
  }
}

/** The same, for trying where a failure is seen elsewhere. */
export function attemptQuietly<T>(act: () => T): T | undefined {
  return attempt(act, () => undefined)
}

const bearable: ReadonlySet<string> = new Set(['denied', 'unsupported', 'invalid'])

function attempt<T>(act: () => T, failed: (fault: Fault) => void): T | undefined {
  try {
    return act()
  } catch (error) {
    if (!(error instanceof Fault) || !bearable.has(error.code)) throw error
    failed(error)
    return undefined
  }
}

const words: Readonly<Record<string, string>> = {
  owner: 'the owner',
  'owner-name': "the owner's name",
  mode: 'the mode',
  'set-id': 'the set-user-ID and set-group-ID bits',
  time: 'the time',
  special: 'the pipe or socket',
  device: 'the device',
  xattrs: 'the extended attributes',
}

/** The omission as one sentence: `could not set the owner of 12 entries, a/b first: cannot change the owner: …`. */
export function describeOmission({ what, count, fault, first }: Omission, verb: 'read' | 'set' | 'make'): string {
  const thing = words[what] ?? `the extended attributes ${what.slice('xattr:'.length)}.*`
  return `could not ${verb} ${thing} of ${count === 1 ? first : `${count} entries, ${first} first`}: ${fault.message}`
}
