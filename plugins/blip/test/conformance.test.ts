import { pluginConformance } from '@silane/testkit'
import blip from '../src/index.ts'

pluginConformance(blip, { root: new URL('..', import.meta.url) })
