/** A process to be killed while it works on an environment. Arguments: one JSON of `EnvironmentJob`. Where it lives to the end it says how often it could have died. */
import childProcess from 'node:child_process'
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { realSys } from '../../src/kit/sys/index.ts'
import { type EnvironmentJob, environmentIn, perform } from './environment-scene.ts'

const { stage, act, killAt, turns } = JSON.parse(process.argv[2] ?? '') as EnvironmentJob
let count = 0

function pass(): void {
  if (++count === killAt) dieIn(turns)
}

function dieIn(left: number): void {
  if (left === 0) process.kill(process.pid, 'SIGKILL')
  setImmediate(() => dieIn(left - 1))
}

const writing = fs.constants.O_WRONLY | fs.constants.O_RDWR | fs.constants.O_CREAT

function onlyReads(flags: unknown): boolean {
  return typeof flags === 'number' ? (flags & writing) === 0 : flags === undefined || flags === 'r'
}

type Calls = Record<string, (...args: unknown[]) => unknown>

/** Each of these calls may be the last thing that is done, or the first that is not. */
function makeDeadly(object: object, names: readonly string[]): void {
  const calls = object as Calls
  for (const name of names) {
    const real = calls[name]!
    calls[name] = (...args) => {
      if (name.startsWith('open') && onlyReads(args[1])) return real.apply(object, args)
      pass()
      const result = real.apply(object, args)
      if (result instanceof Promise) return result.finally(pass)
      pass()
      return result
    }
  }
}

const changes = ['rename', 'mkdir', 'symlink', 'link', 'unlink', 'rmdir', 'rm', 'chmod', 'copyFile', 'open', 'writeFile']
makeDeadly(
  fs,
  [...changes, 'write', 'lchown', 'ftruncate', 'fchmod', 'fsync', 'truncate'].map((name) => `${name}Sync`),
)
makeDeadly(fs.promises, changes)
// While another program works nothing else is done that one could be killed in: so these moments count for more.
for (let times = 0; times < 4; times++) makeDeadly(childProcess, ['spawn'])
const system = 'writeXattr setTimes makeSpecial exchangeNames renameToFree cloneFile cloneRange createMount attachMount detachMount'
const volumes = 'setMountReadOnly cloneMount flushFileSystem attachLoop createSubvolume snapshotSubvolume deleteSubvolume unlock'
makeDeadly(realSys, `${system} ${volumes}`.split(' '))
syncBuiltinESMExports()

const context = environmentIn(stage)
await perform(context, act)
process.stdout.write(JSON.stringify({ points: count }))
