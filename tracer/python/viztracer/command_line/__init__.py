"""The command line of ``viztracer``: its options, its configuration file, and the program that it names."""
