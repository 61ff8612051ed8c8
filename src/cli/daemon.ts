import { type Command, Option } from 'commander'
import { Fault } from '../kit/index.ts'
import { type Cli, parsedOption } from './command.ts'
import type { Inside } from './daemon/in-process.ts'
import type { DaemonFlags, WorkerFlags } from './daemon/run.ts'

export function addDaemonCommand(program: Command, cli: Cli, inside: Inside): void {
  cli.add<DaemonFlags>(program, {
    name: 'daemon',
    goesOn: true,
    summary: 'Run the jobs of holdfast.toml when they are due, until it is stopped',
    more: 'SIGTERM lets what runs finish for a while and hands the rest back; SIGHUP reads the configuration anew.',
    options: [new Option('--once', 'run each job that is due once and end, with the worst exit status')],
    examples: [
      ['holdfast daemon', 'until Ctrl-C'],
      ['holdfast daemon --once', 'from a timer of your own'],
    ],
    run: async (call) => await (await import('./daemon/run.ts')).runDaemonCommand(call, inside),
  })
}

export function addWorkerCommand(program: Command, cli: Cli, inside: Inside): void {
  cli.add<WorkerFlags>(program, {
    name: 'worker',
    goesOn: true,
    summary: 'Take units of work from the shared queue and run them, until it is stopped',
    more: 'Any number of them, on any number of machines, beside at least one daemon that fires the jobs. It needs `queue`, a PostgreSQL database.',
    options: [parsedOption('--concurrency <count>', 'units at once (default: what [daemon] says, which is 2)', parseCount)],
    examples: [['holdfast worker --concurrency 8', 'on each machine that is to help']],
    run: async (call) => await (await import('./daemon/run.ts')).runWorkerCommand(call, inside),
  })
}

function parseCount(text: string): number {
  const count = Number(text)
  if (/^\d{1,3}$/.test(text) && count > 0) return count
  throw new Fault('invalid', `not a number of units: ${JSON.stringify(text)}`, { hint: 'write a number from 1 to 999' })
}
