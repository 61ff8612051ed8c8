import { readFile, readlink } from 'node:fs/promises'
import { hostname } from 'node:os'
import type { Worker, WorkerState } from '../../daemon/index.ts'
import type { Host } from '../host.ts'

/** This process as a worker. */
export async function thisWorker(host: Host, concurrency: number): Promise<Worker> {
  const start = `${host.clock.now().toString(36)}${Math.floor(host.random() * 36 ** 4).toString(36)}`
  return { id: `${hostname()}-${process.pid}-${start}`, host: hostname(), pid: process.pid, machine: await machineId(), concurrency }
}

/** A worker of a process that this one would see, if it were there. */
export async function goneWorkers(): Promise<(worker: WorkerState) => boolean> {
  const machine = await machineId()
  return (worker) => machine !== undefined && worker.machine === machine && !isAlive(worker.pid)
}

/** This start of this machine, and within it the space of process numbers: containers have their own. */
async function machineId(): Promise<string | undefined> {
  try {
    const boot = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim()
    return `${boot} ${await readlink('/proc/self/ns/pid')}`
  } catch {
    return undefined
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // It is there, and someone else's.
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
