/**
 * Anything, on a schedule: jobs are fired when they are due, and their units wait in a queue until a worker has done them.
 *
 * Promises: a job never overlaps itself, also between daemons; a unit is held by one worker at a time and what became of it counts once;
 * a worker or a database that is killed loses nothing. Never does: know any command (they are run by what it is given), decide what a
 * command does, or take a unit after it was told to stop.
 */
export { fireJob, plannedFirings, runDaemon, runOnce } from './daemon.ts'
export type { TargetState } from './change.ts'
export { parseCron } from './cron.ts'
export { type Execution, isGood, type State, states } from './execution.ts'
export { circleOf, type Job, type JobState, type Schedule } from './job.ts'
export type { Queue, Worker, WorkerState } from './queue.ts'
export { messageOf, testNotice } from './notify/notice.ts'
export { type Notifier, notifiersOf } from './notify/notifier.ts'
export type { Address, Mail, Target, Way } from './notify/target.ts'
export { openFileQueue, openServerQueue } from './queue/open.ts'
export type { RunCommand, SplitUnit } from './run-unit.ts'
export { lineOf, wordsOf } from './words.ts'
export { work } from './work.ts'
