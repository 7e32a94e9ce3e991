-- The role and the database of development, made with the server's folder (compose.yaml).
create role vazao login password 'development';
create database vazao owner vazao;
