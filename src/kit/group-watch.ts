import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { Socket } from 'node:net'
import type { Writable } from 'node:stream'

/**
 * Reads `+ GROUP` and `- GROUP`. Its input ends with the process that began it, however that ended, and then every group that is still
 * noted is ended. It is in a session of its own, where no signal of a terminal comes.
 */
const script = `groups=' '
while read -r sign group; do
  case $sign in
    +) groups="$groups$group " ;;
    -) groups="\${groups%% $group *} \${groups#* $group }" ;;
  esac
done
for group in $groups; do kill -s KILL -- "-$group" 2>/dev/null; done`

type Watcher = ChildProcessByStdio<Writable, null, null>

const groups = new Set<number>()
let watcher: Watcher | undefined

/** Begins the process that watches: before the first group, so that next to nothing lies between the group's begin and its watch. */
export function readyToWatch(): void {
  try {
    watcher ??= startWatcher()
  } catch {
    // Where the machine has no room for it the program says so, or runs without it.
  }
}

/**
 * Has a process group end when this process does, also where it is killed and can do nothing itself. One more process does that for all
 * groups, and is begun anew where somebody kills it. A group that was begun in the very moment of the kill may be missed.
 * Gives what ends the watch.
 */
export function watchGroup(group: number): () => void {
  groups.add(group)
  if (watcher === undefined) readyToWatch()
  else watcher.stdin.write(`+ ${group}\n`)
  return () => {
    groups.delete(group)
    watcher?.stdin.write(`- ${group}\n`)
  }
}

function startWatcher(): Watcher {
  // It stands nowhere: nobody's directory is in use because of it.
  const child = spawn('/bin/sh', ['-c', script], { detached: true, stdio: ['pipe', 'ignore', 'ignore'], cwd: '/' })
  // Where it cannot be started, or has gone, the next group starts another.
  const onGone = () => {
    if (watcher === child) watcher = undefined
  }
  child.on('error', onGone)
  child.stdin.on('error', onGone)
  child.on('exit', (_status, signal) => {
    onGone()
    if (signal !== null && groups.size > 0) readyToWatch()
  })
  // It never keeps this process.
  child.unref()
  if (child.stdin instanceof Socket) child.stdin.unref()
  for (const group of groups) child.stdin.write(`+ ${group}\n`)
  return child
}
