import { parentPort } from 'node:worker_threads'
import { serveLane } from './lane.ts'

// The beginning of a worker thread: it lives as long as its parent lets it.
if (parentPort !== null) serveLane(parentPort)
