import { pluginConformance } from '@silane/testkit'
import unirel from '../src/index.ts'

pluginConformance(unirel, { root: new URL('..', import.meta.url) })
