"""The traced sessions of this user, living and dead: the command ``viztracer-ctl``, and the bound on what is left."""
