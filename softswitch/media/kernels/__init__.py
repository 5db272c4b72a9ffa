"""The compiled half of the engine: what happens to every packet. Importing a module of this folder needs numba.

Entry points (compiled when imported, kept on disk) are `worker.run_worker` and `atomic.publish`/`atomic.observe`;
everything else is a part of `run_worker`, split by topic.
"""
