import type { Command } from 'commander'
import { type EnvironmentStatus, environmentStatus } from '../../environments/index.ts'
import type { Call, Cli } from '../command.ts'
import { printable } from '../width.ts'
import { chooseEnvironments, type EnvironmentFlag, environmentOption } from './choose.ts'
import { timeText, tookText } from '../words.ts'

export function addStatusCommand(env: Command, cli: Cli): void {
  cli.add<EnvironmentFlag>(env, {
    name: 'status',
    summary: 'Show how environments stand: mode, mounts, last restore and how long it took',
    args: [['[env]', 'this environment; without it, all']],
    options: [environmentOption()],
    examples: [['holdfast env status', 'all of holdfast.toml']],
    run: async (call) => {
      const all = await Promise.all((await chooseEnvironments(call)).map(environmentStatus))
      return { result: { environments: all }, text: all.map((each) => statusText(call, each)).join('\n\n') }
    },
  })
}

function statusText({ paint }: Call<object>, status: EnvironmentStatus): string {
  const { name, live, liveExists, isUnmounted, configured, mode, why, damaged, mounts, last, unfinished } = status
  const modeText =
    mode === undefined ? `${configured} (chosen by the first create)` : mode === configured ? mode : `${mode} (${configured})`
  const lines: [string, string][] = [
    ['live', liveExists ? live : `${live} (not there)`],
    ...(isUnmounted
      ? [
          [
            'unmounted',
            `what was mounted there is gone, as after a restart of the machine; mount a clean state: holdfast env restore ${name}; or give back what was there: holdfast env stop ${name}`,
          ] as [string, string],
        ]
      : []),
    ['mode', why === undefined ? modeText : `${modeText}: ${why}`],
    ['snapshots', snapshotsText(status)],
    ...damaged.map((each): [string, string] => [
      'damaged',
      `${each.name}: ${each.why}; make it again: holdfast env create ${name} --snapshot ${each.name} --replace`,
    ]),
    ['restored', last === undefined ? 'never' : `${timeText(last.at)} to ${last.snapshot}, ${last.mode} in ${tookText(last.milliseconds)}`],
    ...mounts.map(({ at, kind, from }): [string, string] => ['mounted', `${at}: ${kind} of ${from}`]),
    ...(unfinished === undefined
      ? []
      : [
          [
            'unfinished',
            `the restore to ${unfinished.snapshot} has not ended; finish it: holdfast env restore ${name} --snapshot ${unfinished.snapshot}`,
          ] as [string, string],
        ]),
  ]
  return [paint.bold(printable(name)), ...lines.map(([label, value]) => `  ${paint.dim(label.padEnd(10))}  ${printable(value)}`)].join('\n')
}

function snapshotsText({ name, snapshots, newest, damaged }: EnvironmentStatus): string {
  if (newest !== undefined) return `${snapshots}, newest ${newest}`
  return damaged.length > 0 ? 'none that can be given back' : `none; make one: holdfast env create ${name}`
}
