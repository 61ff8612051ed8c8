import { type ChildProcess, spawn } from 'node:child_process'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Fault } from './fault.ts'
import { abortFault, throwIfAborted } from './abort.ts'
import { watchGroup } from './group-watch.ts'

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
 * that cannot be started is `unsupported` (not installed) or `denied`. On abort its process group gets SIGTERM, and
 * SIGKILL five seconds later; where this process is killed meanwhile, the group is too. Never pass a secret in the arguments: others can read them.
 */
export async function run(command: string | readonly [string, ...string[]], options: RunOptions = {}): Promise<RunResult> {
  throwIfAborted(options.signal)
  const [program, ...args] = typeof command === 'string' ? ['/bin/sh', '-c', command] : command
  const child = spawn(program!, args, {
    detached: true,
    stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe', ...(options.holds === undefined ? [] : [options.holds])],
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.env === undefined ? {} : { env: options.env }),
  })
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

  const texts = { stdout: '', stderr: '' }
  let tail = ''
  for (const from of ['stdout', 'stderr'] as const) {
    child[from]!.on('data', (piece: Buffer) => {
      options.onOutput?.(piece, from)
      const text = piece.toString('utf8')
      texts[from] = (texts[from] + text).slice(-kept)
      tail = (tail + text).slice(-64 * 1024)
    })
  }
  try {
    const status = await new Promise<number>((resolve, reject) => {
      child.on('error', reject)
      child.on('close', (code, signal) => resolve(code ?? 128 + (signal === 'SIGKILL' ? 9 : signal === 'SIGTERM' ? 15 : 1)))
    })
    if (options.signal?.aborted) throw abortFault(options.signal)
    const failure = await fed
    if (failure !== undefined) throw failure.error
    return { status, ...texts, tail: tail.trimEnd().split('\n').slice(-tailLines) }
  } catch (error) {
    if (error instanceof Fault) throw error
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    throw new Fault(missing ? 'unsupported' : 'denied', missing ? `${program} is not installed` : `${program} cannot be started`, {
      at: program,
      cause: error,
    })
  } finally {
    clearTimeout(killer)
    unwatch()
    options.signal?.removeEventListener('abort', onAbort)
  }
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
