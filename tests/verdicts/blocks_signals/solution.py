import signal

signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())


def double(x):
    while True:
        pass
