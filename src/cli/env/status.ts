import type { Command } from 'commander'
import { type EnvironmentStatus, environmentStatus } from '../../environments/index.ts'
import type { Call, Cli } from '../command.ts'
import { printable } from '../width.ts'
import { chooseEnvironments } from './choose.ts'
import { timeText, tookText } from '../words.ts'

export function addStatusCommand(env: Command, cli: Cli): void {
  cli.add(env, {
    name: 'status',
    summary: 'Show how environments stand: mode, mounts, last restore and how long it took',
    args: [['[env]', 'this environment; without it, all']],
    examples: [['holdfast env status', 'all of holdfast.toml']],
    run: async (call) => {
      const all = await Promise.all((await chooseEnvironments(call, call.args[0])).map(environmentStatus))
      return { result: { environments: all }, text: all.map((each) => statusText(call, each)).join('\n\n') }
    },
  })
}

function statusText({ paint }: Call<object>, status: EnvironmentStatus): string {
  const { name, live, liveExists, configured, mode, why, snapshots, newest, mounts, last, unfinished } = status
  const modeText =
    mode === undefined ? `${configured} (chosen by the first create)` : mode === configured ? mode : `${mode} (${configured})`
  const lines: [string, string][] = [
    ['live', liveExists ? live : `${live} (not there)`],
    ['mode', why === undefined ? modeText : `${modeText}: ${why}`],
    ['snapshots', newest === undefined ? `none; make one: holdfast env create ${name}` : `${snapshots}, newest ${newest}`],
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
