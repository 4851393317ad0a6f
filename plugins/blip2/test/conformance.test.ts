import { pluginConformance } from '@silane/testkit'
import blip2 from '../src/index.ts'

pluginConformance(blip2, { root: new URL('..', import.meta.url) })
