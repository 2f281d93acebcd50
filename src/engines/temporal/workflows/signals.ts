import { defineQuery, defineSignal } from '@temporalio/workflow';
import type { EffectResolved, PointFact } from '../../../ir/events.ts';
import type { PointDenial, PointEnd, StudyStatus } from '../protocol.ts';

// Of the study.
export const pointEnded = defineSignal<[PointEnd]>('pointEnded');
export const pointDenied = defineSignal<[PointDenial]>('pointDenied');
/** There are messages in the store. */
export const messagesCame = defineSignal<[]>('messagesCame');
export const studyStatus = defineQuery<StudyStatus>('studyStatus');

// Of a point.
export const studySays = defineSignal<[PointFact]>('studySays');
export const tokensGranted = defineSignal<[{ readonly step: string; readonly attempt: number }]>('tokensGranted');
/** Another execution of the study performs the run, and knows the point by this secret. */
export const adopted = defineSignal<[string]>('adopted');
/** A person has signed what became of an effect; the message to be removed once it is written. */
export const resolved = defineSignal<[number, EffectResolved]>('resolved');
