import { type Report, untilAborted } from '../../../kit/index.ts'
import { type Calls, callsOf, type Extensions, extensionsOf, type Handle, isRefusal } from './calls.ts'
import { type Channel, openSession, type Session, type Traffic } from './session.ts'

/** A server that answers, with what was learnt about it so far. */
export interface Link extends Calls {
  readonly can: Extensions
  /** Bytes that one READ or WRITE may carry. */
  readonly largest: { readonly read: number; readonly write: number }
  /** Directories that were seen to be directories, and no links, since the connection was made. */
  readonly seen: Set<string>
  /** Asks for the server's limits, where it has not been asked and can say. They count from when the answer comes. */
  learnLimits(): Promise<void>
  /** Closes a handle along with whatever is asked next, or after a while: nobody waits for that. */
  release(handle: Handle): void
}

export interface Connections {
  /** The connection, made anew where there is none or it was lost. */
  get(signal: AbortSignal | undefined): Promise<Link>
  /** What is known of the server's extensions; undefined before the first connection. */
  readonly known: Extensions | undefined
  close(): void
}

/** What every server takes (section 4: packets of 34,000 bytes). */
const anyServer = 32 << 10
/** What OpenSSH and the others that announce their limits give and take so far; a READ that is cut short is gone on with. */
const announcing = 255 << 10
/** The most that is ever asked for: an answer fits into the longest packet that is taken. */
const atMost = 256 << 10
const lingering = 1000

export interface ConnectionOptions {
  readonly connect: () => Channel
  readonly traffic: Traffic
  readonly silence: number
  readonly name: string
  readonly report: Report
}

/** One connection for all verbs of a store, made by the first. */
export function createConnections(options: ConnectionOptions): Connections {
  let current: { session?: Session; readonly link: Promise<Link> } | undefined
  let known: Extensions | undefined
  let depth = 0
  let isTold = false
  const open = async (into: { session?: Session }): Promise<Link> => {
    const { traffic, silence } = options
    const session = await openSession(options.connect(), { traffic, silence, depth })
    into.session = session
    known = extensionsOf(session)
    if (!known.fsync && !isTold) {
      isTold = true
      const text = `${options.name} cannot be told to flush (no fsync@openssh.com): a power cut there may undo what was just written`
      options.report({ kind: 'note', level: 'warning', text })
    }
    return linkOver(session, known)
  }
  return {
    async get(signal) {
      if (current?.session?.isLost === true) {
        depth = Math.max(depth, current.session.depth)
        current = undefined
      }
      if (current === undefined) {
        const opening: { session?: Session } = {}
        const link = open(opening)
        const made = Object.assign(opening, { link })
        current = made
        link.catch(() => {
          if (current === made) current = undefined
        })
      }
      return await untilAborted(current.link, signal)
    },
    get known() {
      return known
    },
    close() {
      const closing = current
      current = undefined
      closing?.link.then(() => closing.session?.close()).catch(() => undefined)
    },
  }
}

function linkOver(session: Session, can: Extensions): Link {
  const released: Handle[] = []
  let timer: NodeJS.Timeout | undefined
  const flush = () => {
    clearTimeout(timer)
    timer = undefined
    // A server that has ended has closed them.
    for (const handle of released.splice(0)) calls.close(handle).catch(() => undefined)
  }
  const calls = callsOf({
    ask(kind, fields, asked) {
      const reply = session.ask(kind, fields, asked)
      if (released.length > 0 && kind !== 'CLOSE') flush()
      return reply
    },
  })
  const size = can.limits ? announcing : anyServer
  const largest = { read: size, write: anyServer }
  let learning: Promise<void> | undefined
  const learn = async () => {
    const told = await calls.limits()
    if (isRefusal(told)) return
    const within = (limit: number) => (limit === 0 ? size : Math.max(1024, Math.min(limit, atMost, told.packet - 1024)))
    largest.read = within(told.read)
    largest.write = within(told.write)
  }
  return {
    ...calls,
    can,
    largest,
    seen: new Set(),
    learnLimits: async () => await (learning ??= can.limits ? learn() : Promise.resolve()),
    release(handle) {
      released.push(handle)
      timer ??= setTimeout(flush, lingering).unref()
    },
  }
}
