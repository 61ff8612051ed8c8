import { userInfo } from 'node:os'
import path from 'node:path'
import { type Command, Option } from 'commander'
import { Fault, parseDuration, run } from '../../kit/index.ts'
import { type Call, type Cli, parsedOption } from '../command.ts'
import type { Outcome } from '../output.ts'
import { writeUnits } from '../systemd/write-units.ts'

interface TimerFlags {
  readonly root?: string
  readonly user?: string
  /** Milliseconds. */
  readonly every: number
  readonly print?: boolean
  readonly force?: boolean
  readonly unitsDir: string
}

const systemUnits = '/etc/systemd/system'

export function addInstallTimerCommand(runs: Command, cli: Cli): void {
  cli.add<TimerFlags>(runs, {
    name: 'install-timer',
    summary: 'Have systemd generate the manifest at intervals',
    more: 'Writes a service and a timer, and enables and starts the timer.',
    options: [
      new Option('--root <folder>', 'the folder of experiments (default: `root` of [runs], or this folder)'),
      new Option('--user <name>', 'who generates; it must read the runs and write <root>/.runicorn (default: you)'),
      parsedOption('--every <time>', 'how often', parseEvery).default(300_000, '5m'),
      new Option('--print', 'only print the units'),
      new Option('--force', 'overwrite units that are there and differ'),
      new Option('--units-dir <folder>', 'write the units there and enable nothing, as for an image').default(systemUnits),
    ],
    examples: [
      ['holdfast runs install-timer --root /data/experiments --print', 'look at them first'],
      ['sudo holdfast runs install-timer --root /data/experiments --user mluser', 'write and start them'],
    ],
    run: installTimer,
  })
}

function parseEvery(text: string): number {
  const every = parseDuration(text)
  if (every >= 1000) return every
  throw new Fault('invalid', 'the shortest interval is one second')
}

async function installTimer(call: Call<TimerFlags>): Promise<Outcome> {
  const { options, host } = call
  const { timerName, timerUnits } = await import('../../runs/generate/index.ts')
  const config = (await call.config()).runs
  const root = options.root === undefined ? (config?.root ?? host.cwd) : path.resolve(host.cwd, options.root)
  const units = timerUnits({
    command: [process.execPath, path.resolve(process.argv[1]!)],
    root,
    user: options.user ?? userInfo().username,
    every: Math.round(options.every / 1000),
  })
  if (options.print === true) {
    return {
      result: { units, written: false, enabled: false },
      text: units
        .map(({ name, text }) => `# ${name}\n${text}`)
        .join('\n')
        .trimEnd(),
    }
  }
  const folder = path.resolve(host.cwd, options.unitsDir)
  await writeUnits(folder, units, { isForced: options.force === true, comparing: 'holdfast runs install-timer --print' })
  const isEnabled = folder === systemUnits
  if (isEnabled) await enableTimer(call, timerName)
  const did = isEnabled ? `enabled and started ${timerName}` : `enable it there: systemctl enable --now ${timerName}`
  return {
    result: { units, written: true, folder, enabled: isEnabled },
    text: [...units.map(({ name }) => `wrote ${path.join(folder, name)}`), did].join('\n'),
  }
}

/** Throws `unavailable` with what systemd says. */
export async function enableTimer({ signal, host }: Pick<Call<object>, 'signal' | 'host'>, timerName: string): Promise<void> {
  for (const words of [['daemon-reload'], ['enable', timerName], ['start', timerName]]) {
    const { status, tail } = await run(['systemctl', ...words], { signal, env: { ...host.env } })
    if (status === 0) continue
    throw new Fault('unavailable', `systemctl ${words.join(' ')} ended with ${status}: ${tail.join(' ').trim()}`, {
      hint: 'the units are written; see why systemd refuses, then: systemctl enable --now runicorn-manifest.timer',
    })
  }
}
