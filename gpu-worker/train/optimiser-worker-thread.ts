/** @file A thread of the optimiser: does its share whenever it is asked. Started by `optimiser.ts`. */
import { parentPort, workerData } from 'node:worker_threads'
import { assert } from '../../shared/lib/result.ts'
import { runShare, type Share, type ShareRequest } from './optimiser.ts'

assert(parentPort, 'runs as a worker thread')
const port = parentPort
const share = workerData as Share
port.on('message', (request: ShareRequest) => port.postMessage(runShare(share, request)))
