/* What a worker runs in Temporal's sandbox. */
export { pointWorkflow } from './point-workflow.ts';
export { studyWorkflow } from './study-workflow.ts';
