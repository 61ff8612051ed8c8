import { Readable } from 'node:stream'
import type { Config } from '../../config/index.ts'
import type { RunCommand } from '../../daemon/index.ts'
import type { Report, Tracer } from '../../kit/index.ts'
import type { Call } from '../command.ts'
import type { Host, Sink } from '../host.ts'

/** What commands are run with: handed down, since they come from the program that holds this one too. */
export interface Inside {
  run(argv: readonly string[], host: Host, given: Given): Promise<number>
  /** Throws `invalid` for a line that no command takes, and for a command that is nothing for a daemon. */
  check(argv: readonly string[], host: Host, config: Config): Promise<void>
}

export interface Given {
  readonly config: Config
  /** Hears all that the command reports, besides what it prints of that. */
  readonly report: Report
  /** That of the program that runs it. */
  readonly tracer: Tracer | undefined
}

const mostDocument = 8 << 20

/** Runs command lines in this process, as a host without a terminal: nobody is asked, and the result is the JSON document. */
export function runInProcess(
  { host, tracer }: Pick<Call<object>, 'host' | 'tracer'>,
  config: () => Config,
  flags: readonly string[],
  inside: Inside,
): RunCommand {
  return async (words, { signal, report, say }) => {
    const document = keptText()
    const talk = lines(say)
    const exit = await inside.run([...flags, '--json', '--stats', ...words], quietHost(host, config(), signal, document.sink, talk.sink), {
      config: config(),
      report,
      tracer,
    })
    talk.end()
    return { exit, document: document.parsed() }
  }
}

export function quietHost(host: Host, { root }: Pick<Config, 'root'>, signal: AbortSignal, stdout: Sink, stderr: Sink): Host {
  return { ...host, stdin: { stream: Readable.from([]), isTty: false }, stdout, stderr, cwd: root, signal }
}

/** Forgets everything. */
export const nowhere: Sink = sink(() => undefined)

function sink(write: (text: string) => void): Sink {
  return {
    write,
    async writeBytes(bytes) {
      write(Buffer.from(bytes).toString('utf8'))
      return true
    },
    isTty: false,
    columns: undefined,
  }
}

/** Of a document that is longer than anyone would read only the start is kept, and that is none. */
function keptText(): { readonly sink: Sink; parsed(): unknown } {
  let text = ''
  return {
    sink: sink((more) => {
      if (text.length < mostDocument) text += more
    }),
    parsed() {
      try {
        return JSON.parse(text) as unknown
      } catch {
        return undefined
      }
    },
  }
}

function lines(say: (line: string) => void): { readonly sink: Sink; end(): void } {
  let rest = ''
  return {
    sink: sink((text) => {
      const all = `${rest}${text}`.split('\n')
      rest = all.pop() ?? ''
      for (const line of all) say(line)
    }),
    end() {
      if (rest !== '') say(rest)
      rest = ''
    },
  }
}
