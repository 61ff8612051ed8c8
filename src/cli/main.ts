import { readFileSync } from 'node:fs'
import { asFault, errno, explain, Fault, systemClock } from '../kit/index.ts'
import type { Host, Sink } from './host.ts'
import { runCli } from './program.ts'

const stop = new AbortController()

function onStop(signal: 'SIGINT' | 'SIGTERM'): void {
  // The second one does not wait for the clean-up that the first one began.
  if (stop.signal.aborted) process.exit(130)
  stop.abort(new Fault('aborted', `interrupted by ${signal}`))
}

function sink(stream: NodeJS.WriteStream): Sink {
  let gone = false
  stream.on('error', (error: NodeJS.ErrnoException) => {
    // A reader such as `head` has had enough: the command still ends what it does, and says nothing about it.
    if (error.code !== 'EPIPE') throw error
    gone = true
  })
  return {
    write(text) {
      if (!gone) stream.write(text)
    },
    async writeBytes(bytes) {
      if (!gone) await new Promise((resolve) => stream.write(bytes, resolve))
      return !gone
    },
    isTty: stream.isTTY === true,
    get columns() {
      return stream.isTTY ? stream.columns : undefined
    },
  }
}

function versionOfPackage(): string {
  const facts: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  return facts !== null && typeof facts === 'object' && 'version' in facts ? String(facts.version) : 'unknown'
}

/** A fault where it is gone, as where a folder was replaced below a shell that stands in it: thrown where a command needs to know. */
function workingDirectory(): string | Fault {
  try {
    return process.cwd()
  } catch (error) {
    if (errno(error) !== 'ENOENT') throw error
    const hint = 'go to a folder that is there; where this one was made anew, cd into it again'
    return new Fault('not-found', 'the working directory was removed', { hint })
  }
}

const folder = workingDirectory()

const host: Host = {
  stdin: { stream: process.stdin, isTty: process.stdin.isTTY === true },
  stdout: sink(process.stdout),
  stderr: sink(process.stderr),
  env: process.env,
  get cwd() {
    if (folder instanceof Fault) throw folder
    return folder
  },
  clock: systemClock,
  random: Math.random,
  signal: stop.signal,
  sinceStart: () => performance.now(),
  version: versionOfPackage(),
}

process.on('SIGINT', () => onStop('SIGINT'))
process.on('SIGTERM', () => onStop('SIGTERM'))
process.on('uncaughtException', (error) => {
  // Not Node's own dump, which would show what a Fault hides.
  host.stderr.write(`error: ${explain(error)}\n`)
  process.exit(asFault(error).exit)
})

process.exitCode = await runCli(process.argv.slice(2), host)
