//! [`Workers`]: threads that run what they are given, one job after the other.
#![allow(dead_code, reason = "a suite uses what it needs")]

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

type Job = Box<dyn FnOnce() + Send>;

/// Threads of which each runs its jobs in the order in which it got them. They are joined on drop.
pub struct Workers(Vec<Worker>);

struct Worker {
    /// `None` once the thread is to end.
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    fn start() -> Self {
        let (jobs, from) = channel::<Job>();
        let thread = thread::spawn(move || from.into_iter().for_each(|job| job()));
        Worker { jobs: Some(jobs), thread: Some(thread) }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        drop(self.jobs.take());
        let ended = self.thread.take().unwrap().join();
        assert!(ended.is_ok() || thread::panicking(), "a job panicked");
    }
}

impl Workers {
    pub fn start(threads: usize) -> Self {
        Workers((0..threads).map(|_| Worker::start()).collect())
    }

    /// Gives a thread a job. The answer can be received when the job is done.
    pub fn begin<R: Send + 'static>(
        &self,
        thread: usize,
        job: impl FnOnce() -> R + Send + 'static,
    ) -> Receiver<R> {
        let (reply, replied) = channel();
        let job = Box::new(move || reply.send(job()).unwrap());
        self.0[thread].jobs.as_ref().unwrap().send(job).unwrap();
        replied
    }

    /// Runs a job on a thread, and waits for its answer.
    pub fn run<R: Send + 'static>(
        &self,
        thread: usize,
        job: impl FnOnce() -> R + Send + 'static,
    ) -> R {
        self.begin(thread, job).recv().unwrap()
    }

    /// Ends a thread, and starts another in its place.
    pub fn replace(&mut self, thread: usize) {
        self.0[thread] = Worker::start();
    }
}
