import { expect, it } from 'vitest'
import { arePeersInstalled } from './peer-package.ts'
import { measurePeers, SMOKE } from './peers.ts'

const missing = arePeersInstalled() ? '' : ' (skipped: `npm run bench -- peers` installs the peers)'

it.skipIf(missing)(`measures us and the peers at smoke size${missing}`, async () => {
  const report = await measurePeers(SMOKE)
  for (const { arms } of report.sets)
    for (const { milliseconds, recall } of Object.values(arms)) {
      expect(milliseconds.low).toBeGreaterThan(0)
      expect(recall).toBeGreaterThan(0.9)
    }
})
