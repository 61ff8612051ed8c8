import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { StringDecoder } from 'node:string_decoder'
import { abortFault, throwIfAborted } from './abort.ts'
import { errno } from './disk.ts'
import { Fault } from './fault.ts'
import { readyToWatch, watchGroup } from './group-watch.ts'

export interface RunOptions {
  readonly cwd?: string
  readonly env?: NodeJS.ProcessEnv
  readonly signal?: AbortSignal | undefined
  /** What it reads; nothing otherwise. Where reading this fails, the program is ended and the failure thrown. */
  readonly input?: AsyncIterable<Uint8Array> | undefined
  /** An open file that the program has too, as its descriptor 3: a lock on it lasts until both have ended. */
  readonly holds?: number | undefined
  /** Called with each piece of output as it comes; nothing is printed otherwise. */
  readonly onOutput?: (piece: Buffer, from: 'stdout' | 'stderr') => void
}

export interface RunResult {
  /** The exit status; 128 + n where signal n ended it. */
  readonly status: number
  readonly stdout: string
  readonly stderr: string
  /** The last lines of both streams in the order they came. */
  readonly tail: readonly string[]
}

const kept = 1 << 20
const tailLines = 30

/**
 * Runs a program, or a shell line where `command` is a string, and waits for it. Any exit status is a result; a program
 * that cannot be started is `unsupported` (not installed), `denied`, or `unavailable` where the machine has no room for it now.
 * On abort its process group gets SIGTERM, and SIGKILL five seconds later; where this process is killed meanwhile, the group is too.
 * Never pass a secret in the arguments: others can read them.
 */
export async function run(command: string | readonly [string, ...string[]], options: RunOptions = {}): Promise<RunResult> {
  throwIfAborted(options.signal)
  const [program, ...args] = typeof command === 'string' ? (['/bin/sh', '-c', command] as const) : command
  readyToWatch()
  const child = begin(program, args, options)
  const unwatch = child.pid === undefined ? () => undefined : watchGroup(child.pid)
  const stop = (signal: NodeJS.Signals) => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, signal)
    } catch {
      // It has ended already.
    }
  }
  let killer: NodeJS.Timeout | undefined
  const onAbort = () => {
    stop('SIGTERM')
    killer = setTimeout(() => stop('SIGKILL'), 5000)
  }
  options.signal?.addEventListener('abort', onAbort, { once: true })
  const fed = options.input === undefined ? undefined : feed(child, options.input, () => stop('SIGKILL'))
  const said = listen(child, options.onOutput)
  try {
    const status = await new Promise<number>((resolve, reject) => {
      child.on('error', (error) => reject(notStarted(program, options, error)))
      child.on('close', (code, signal) => resolve(code ?? 128 + (signal === 'SIGKILL' ? 9 : signal === 'SIGTERM' ? 15 : 1)))
    })
    if (options.signal?.aborted) throw abortFault(options.signal)
    const failure = await fed
    if (failure !== undefined) throw failure.error
    return { status, ...said() }
  } finally {
    clearTimeout(killer)
    unwatch()
    options.signal?.removeEventListener('abort', onAbort)
  }
}

function begin(program: string, args: readonly string[], options: RunOptions): ChildProcess {
  const { input, holds, cwd, env } = options
  try {
    return spawn(program, args, {
      detached: true,
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe', ...(holds === undefined ? [] : [holds])],
      ...(cwd === undefined ? {} : { cwd }),
      ...(env === undefined ? {} : { env }),
    })
  } catch (error) {
    throw notStarted(program, options, error)
  }
}

/** The machine has as many processes or open files as it can, or no memory: later it may. */
const passing = new Set(['EAGAIN', 'EMFILE', 'ENFILE', 'ENOMEM'])

function notStarted(program: string, { cwd }: RunOptions, error: unknown): Fault {
  const number = errno(error) ?? ''
  // The same number says that the folder to start in is not there.
  if (number === 'ENOENT' && cwd !== undefined && !existsSync(cwd))
    return new Fault('not-found', `${program} cannot be started in ${cwd}, which is not there`, { at: cwd, cause: error })
  if (number === 'ENOENT') return new Fault('unsupported', `${program} is not installed`, { at: program, cause: error })
  const code = passing.has(number) ? 'unavailable' : 'denied'
  return new Fault(code, `${program} cannot be started${number === '' ? '' : `: ${number}`}`, { at: program, cause: error })
}

/** Hears what a program says, and gives what is kept of it. */
function listen(child: ChildProcess, onOutput: RunOptions['onOutput']): () => Omit<RunResult, 'status'> {
  const texts = { stdout: '', stderr: '' }
  let tail = ''
  for (const from of ['stdout', 'stderr'] as const) {
    const decoder = new StringDecoder('utf8')
    // There is none where not even its pipes could be made.
    child[from]?.on('data', (piece: Buffer) => {
      onOutput?.(piece, from)
      const text = decoder.write(piece)
      texts[from] = (texts[from] + text).slice(-kept)
      tail = (tail + text).slice(-64 * 1024)
    })
  }
  return () => ({ ...texts, tail: tail.trimEnd().split('\n').slice(-tailLines) })
}

/** Gives a program its input. One that ends before it has read all has its reasons; an input that fails ends the program. */
async function feed(child: ChildProcess, input: AsyncIterable<Uint8Array>, stop: () => void): Promise<{ error: unknown } | undefined> {
  let failure: { error: unknown } | undefined
  const pieces = input[Symbol.asyncIterator]()
  const next = async () => {
    try {
      return await pieces.next()
    } catch (error) {
      failure = { error }
      stop()
      throw error
    }
  }
  // Not `for await`: a broken pipe is thrown into the loop too.
  async function* watched() {
    try {
      for (let piece = await next(); piece.done !== true; piece = await next()) yield piece.value
    } finally {
      await pieces.return?.()
    }
  }
  await pipeline(Readable.from(watched(), { objectMode: false }), child.stdin!).catch(() => undefined)
  return failure
}
