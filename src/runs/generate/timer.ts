import { Fault, unitWord } from '../../kit/index.ts'

export interface TimerOptions {
  /** The words that start the program, the first one an absolute path. */
  readonly command: readonly string[]
  /** Absolute. */
  readonly root: string
  readonly user: string
  /** Seconds between the start of one generation and the next. */
  readonly every: number
}

export interface Unit {
  readonly name: string
  readonly text: string
}

const serviceName = 'runicorn-manifest.service'
export const timerName = 'runicorn-manifest.timer'

/** The systemd units that generate the manifest of a root at intervals. Throws `invalid` for names that a unit cannot hold. */
export function timerUnits({ command, root, user, every }: TimerOptions): readonly Unit[] {
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]*\$?$/.test(user)) {
    throw new Fault('invalid', `not a user's name: ${JSON.stringify(user)}`, { hint: 'name the user who writes the runs: --user mluser' })
  }
  const words = [...command, 'generate-manifest', '--full', '--root', root].map(unitWord).join(' ')
  return [
    {
      name: serviceName,
      text: `[Unit]\nDescription=Runicorn Manifest Generation\n\n[Service]\nType=oneshot\nUser=${user}\nExecStart=${words}\n`,
    },
    {
      name: timerName,
      text: `[Unit]\nDescription=Runicorn Manifest Generation Timer\n\n[Timer]\nOnBootSec=2min\nOnUnitActiveSec=${every % 60 === 0 ? `${every / 60}min` : `${every}s`}\n\n[Install]\nWantedBy=timers.target\n`,
    },
  ]
}
